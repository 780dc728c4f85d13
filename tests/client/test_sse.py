"""The parser beside a plain reading of the WHATWG text, whatever comes and wherever it is cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.client.sse import Frame, Parser

#: what lines are made of, so that they are often fields
PARTS = [b"data", b"event", b"id", b"retry", b"dat", b":", b": ", b" ", b"x", b"\0", b"10", b"\xef\xbb\xbf", "é🐈".encode(),
         b"\xff", b"\xf0\x9f", b"\n", b"\r", b"\r\n", b"\n\n", b"\xe2\x80\xa8", b"\x0b", b"\x85", b"data: a\n\n"]  # fmt: skip
streams = st.lists(st.sampled_from(PARTS), max_size=40).map(b"".join)


def plain(whole: bytes, last_id: str = "") -> tuple[list[Frame], str, int | None]:
    """The text of the specification, word for word, over all that came."""
    text = whole.decode("utf-8", "replace")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    frames: list[Frame] = []
    data, event, ident, last, retry = "", "", last_id, last_id, None
    for line in text.split("\n")[:-1]:
        if line == "":
            last = ident
            if data == "":
                event = ""
                continue
            frames.append(Frame(event or "message", data.removesuffix("\n"), last))
            data = event = ""
            continue
        if line.startswith(":"):
            continue
        name, value = line, ""
        if ":" in line:
            name, value = line[: line.index(":")], line[line.index(":") + 1 :]
            value = value.removeprefix(" ")
        if name == "event":
            event = value
        elif name == "data":
            data += value + "\n"
        elif name == "id" and "\0" not in value:
            ident = value
        elif name == "retry" and value != "" and all("0" <= one <= "9" for one in value) and len(value) < 10:
            retry = int(value)
    return frames, last, retry


@given(streams, st.lists(st.integers(0, 200), max_size=9), st.sampled_from(["", "7-0"]))
def test_as_the_text_says(whole: bytes, cuts: list[int], last_id: str) -> None:
    """Events, last id and retry, in any pieces and byte by byte."""
    for places in (sorted(cuts), range(len(whole))):
        parser, frames = Parser(last_id), list[Frame]()
        for start, end in pairwise((0, *places, len(whole))):
            frames += parser.feed(whole[start:end])
        assert (frames, parser.last_id, parser.retry_ms) == plain(whole, last_id)


@pytest.mark.parametrize(
    ("whole", "frames", "last_id"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")], ""),
        (b": test\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n",
         [("message", "first", "1"), ("message", "second", ""), ("message", " third", "")], ""),
        (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")], ""),
        (b"data:test\n\ndata: test\n\n", [("message", "test", ""), ("message", "test", "")], ""),
        (b"event: a\nid: 5\n\ndata: b\n\n", [("message", "b", "5")], "5"),
        (b"id: 5\n\nid: 6\0\n\n", [], "5"),
        (b"id: 5\ndata: lost", [], ""),
    ],
)  # fmt: skip
def test_examples(whole: bytes, frames: list[tuple[str, str, str]], last_id: str) -> None:
    """Those of the text, and ids without data; byte by byte, with each way to end a line."""
    for end in (b"\n", b"\r", b"\r\n"):
        parser, found = Parser(), list[Frame]()
        for byte in whole.replace(b"\n", end):
            found += parser.feed(bytes([byte]))
        assert (found, parser.last_id) == (frames, last_id)


def test_a_line_counts_as_soon_as_it_ends() -> None:
    """A carriage return ends it; the line feed that may follow is not waited for."""
    parser = Parser()
    assert parser.feed(b"data: a\r\r") == [Frame("message", "a", "")]
    assert parser.feed(b"\ndata: b\n\n") == [Frame("message", "b", "")]


@pytest.mark.parametrize(("text", "retry_ms"), [("250", 250), ("", None), ("-1", None), ("1e3", None), ("9" * 5_000, None),
                                                ("\u0665", None)])  # fmt: skip
def test_retry(text: str, retry_ms: int | None) -> None:
    """ASCII digits alone, and not for ever."""
    parser = Parser()
    parser.feed(f"retry: {text}\n\n".encode())
    assert parser.retry_ms == retry_ms
