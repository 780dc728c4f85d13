"""`streams.display_names` and the records of the topic `names`: what strangers call themselves, made fit to be shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.display_names import MOST_CHARACTERS, Named, clean, shown
from streams.formats.names import decode, encode

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
TURNS = {"LRO", "RLO", "LRE", "RLE", "PDF", "LRI", "RLI", "FSI", "PDI", "B"}
NAMES = {
    "plain": ("Ann Smith", "Ann Smith"),
    "markup stays text": ("<b onclick=x>&amp;</b>", "<b onclick=x>&amp;</b>"),
    "blanks": (" \t Ann\r\n\u2028 Smith\u00a0", "Ann Smith"),
    "control": ("A\0n\x1b[31mn\x7f\x9b", "An[31mn"),
    "other way round": ("Ann\u202e\u2066gpj.exe\u2069\u200f", "Anngpj.exe"),
    "nothing to see": ("\u200b\u2060\u200d\ufe0f", ""),
    "accents alone": ("\u0301\u0301", ""),
    "composed": ("e\u0301", "\u00e9"),
    "half a pair": ("a\ud83d", "a"),
    "persian keeps its joiner": ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
    "long": ("x" * 300, "x" * 64),
    "cut between emoji": (FAMILY * 20, FAMILY * 12),
    "cut before an accent": ("x" * 63 + "q\u0323", "x" * 63),
    "one letter with no end": ("a" + "\u0323" * 300, "\u1ea1" + "\u0323" * 63),
    "256 bytes": ("\U0001f408" * 64, "\U0001f408" * 64),
}


@pytest.mark.parametrize(("given_", "wanted"), NAMES.values(), ids=NAMES)
def test_names(given_: str, wanted: str) -> None:
    """By hand."""
    assert clean(given_) == wanted


@given(st.text())
def test_any_text(text: str) -> None:
    """Is short, of one line, has nothing that turns it round, and is as it is if it is cleaned again."""
    found = clean(text)
    assert len(found) <= MOST_CHARACTERS
    assert clean(found) == found == found.strip()
    assert not {unicodedata.bidirectional(one) for one in found} & TURNS
    found.encode()


@example("@ann")
@example("\u200b@ @ann")
@given(st.text())
def test_a_display_name_never_looks_like_a_handle(text: str) -> None:
    """Which begins with an @, whoever writes it how."""
    assert not shown(Named("x:a", text)).startswith("@")
    assert shown(Named("x:a", text, handle=True))[:1] in ("", "@")


@given(st.text(), st.booleans())
def test_records(text: str, handle: bool) -> None:
    """Are read as they are shown; one of which nothing is left takes the name back."""
    named = Named("x:a/b\u0301", text, handle)
    key, value = encode(named, 7)
    assert decode(key, value) == named._replace(name=shown(named) or None)
    assert (value is None) == (not shown(named))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"x:a", b'{"name":"a"}'),
        (b"nick/x:a", b'{"name":"a"}'),
        (b"name/", b'{"name":"a"}'),
        (b"name/\xff", None),
        (b"name/x:a", b'{"name":1}'),
        (b"name/x:a", b"[" * 100_000),
    ],
    ids=range(6),
)
def test_what_is_no_record(key: bytes, value: bytes | None) -> None:
    """Is refused."""
    with pytest.raises(ValueError, match="no name: "):
        decode(key, value)
