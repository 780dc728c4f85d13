"""What users are called: a display name, or a handle of their network. Anybody may be called anything; ids are what counts."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

MOST_CHARACTERS = 64  #: code points of a name
HANDLE = "@"  #: what a handle is shown with; no display name begins so

_MOST_READ = 4_096  # code points: what is longer is cut before it is looked at
_JOINERS = "\u200c\u200d"  # of Persian and Indian scripts, and of emoji
_KEPT = frozenset(
    _JOINERS + "".join(map(chr, range(0xE0020, 0xE0080)))
)  # and what the flags of Wales and others are made of
_NO_TEXT = {"Cc", "Cf", "Cs", "Co", "Cn"}  # control, direction and other formats, half a pair, nobody's
_SEEN = "LNPS"  # letters, numbers, punctuation, symbols
_SKIN = range(0x1F3FB, 0x1F400)


class Named(NamedTuple):
    """What a user is called from now on."""

    user: str  #: `network:id`
    name: str | None  #: None: it is taken back
    handle: bool = False  #: the network says that it belongs to this user alone; shown while there is no display name


def clean(text: str) -> str:
    """A name as it may be shown: NFC, one line, no control characters or changes of direction, MOST_CHARACTERS at most.

    Empty when nothing is left that can be seen. Markup stays: it is text. Cut between what is drawn as one, as far as simple
    rules know it.

    >>> clean("  Ann\\n\\u202egpj.exe  ")
    'Ann gpj.exe'
    >>> clean("\\u200b\\u2066")
    ''
    """
    kept = (
        one for one in text[:_MOST_READ] if one.isspace() or one in _KEPT or unicodedata.category(one) not in _NO_TEXT
    )
    text = " ".join(unicodedata.normalize("NFC", "".join(kept)).split()).strip(f" {_JOINERS}")
    if len(text) > MOST_CHARACTERS:
        text = text[: _cut(text)].rstrip(f" {_JOINERS}")
    return text if any(unicodedata.category(one)[0] in _SEEN for one in text) else ""


def shown(named: Named) -> str:
    """The name as Redis and answers have it: handles begin with an @, and display names do not. Empty: there is none."""
    text = clean(named.name or "").lstrip(f"{HANDLE} ")
    return HANDLE + text if named.handle and text else text


def _cut(text: str) -> int:
    """Where a long text may be cut: not within what is drawn as one; anywhere if there is no other place."""
    return next((at for at in range(MOST_CHARACTERS, 0, -1) if not _joined(text, at)), MOST_CHARACTERS)


def _joined(text: str, at: int) -> bool:
    """Is the character at `at` drawn as one with the one before it?"""
    one = text[at]
    return unicodedata.category(one)[0] == "M" or one in _KEPT or ord(one) in _SKIN or text[at - 1] in _JOINERS
