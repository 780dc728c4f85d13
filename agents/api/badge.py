"""A score as a small picture for other pages: SVG that loads nothing and runs nothing."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple
from xml.sax.saxutils import escape, quoteattr

Theme = Literal["light", "dark"]

_HIGH, _PAD, _DIGIT = 20, 8, 7  # px; a digit of the sans-serif at 11 px is up to 7 wide
_LABEL = "clout"
_LABEL_WIDE = 2 * _PAD + 30
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2


class _Colours(NamedTuple):
    label: str
    value: str
    text: str
    edge: str


_COLOURS: dict[Theme, _Colours] = {
    "light": _Colours("#eceff3", "#ffffff", "#1d2733", "#c3cad4"),
    "dark": _Colours("#2a323d", "#161b22", "#e9eef5", "#465261"),
}


def badge(user: str, score: float, as_of_ms: int, theme: Theme) -> str:
    """The picture: the word and the whole score. The user and the exact score are in its title, for who cannot see it."""
    value, colours = f"{score:.0f}", _COLOURS[theme]
    value_wide = 2 * _PAD + _DIGIT * len(value)
    wide = _LABEL_WIDE + value_wide
    said = _NO_XML.sub("\ufffd", f"{user} has a Clout score of {score:.2f}")
    text = f'fill="{colours.text}" text-anchor="middle"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{_HIGH}" viewBox="0 0 {wide} {_HIGH}" role="img" '
        f'aria-label={quoteattr(said)} data-as-of="{as_of_ms}" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"<title>{escape(said)}</title>"
        f'<rect x=".5" y=".5" width="{wide - 1}" height="{_HIGH - 1}" rx="3" fill="{colours.label}"/>'
        f'<path d="M{_LABEL_WIDE} .5H{wide - 3.5}a3 3 0 0 1 3 3v13a3 3 0 0 1 -3 3H{_LABEL_WIDE}z" fill="{colours.value}"/>'
        f'<rect x=".5" y=".5" width="{wide - 1}" height="{_HIGH - 1}" rx="3" fill="none" stroke="{colours.edge}"/>'
        f'<text x="{_LABEL_WIDE / 2:g}" y="14" {text}>{_LABEL}</text>'
        f'<text x="{_LABEL_WIDE + value_wide / 2:g}" y="14" {text} font-weight="bold">{value}</text></svg>'
    )
