"""Server-sent events out of bytes as they come, by the WHATWG text (HTML, 9.2.6): wherever the bytes are cut."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_MOST_DIGITS = 9  # of `retry`: eleven days


class Frame(NamedTuple):
    """One event."""

    event: str  #: `message` where it has no name
    data: str
    id: str  #: the last event id as of this event


class Parser:
    """Of one connection. `last_id` is that of what came before it."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id  #: of the last event, or of a block that has an id and no data
        self.retry_ms: int | None = None  #: as the server says it; None: it has not
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._begun = self._after_cr = False
        self._line = ""  # what has come of the next one
        self._id, self._event, self._data = last_id, "", list[str]()

    def feed(self, chunk: bytes) -> list[Frame]:
        """The events that are whole now. One without its blank line does not count."""
        text = self._decoder.decode(chunk)
        if not text:
            return []
        if not self._begun:
            self._begun, text = True, text.removeprefix("\ufeff")
        if self._after_cr:
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r")
        *lines, rest = _LINE_ENDS.split(text)
        if not lines:
            self._line += rest
            return []
        lines[0], self._line = self._line + lines[0], rest
        return [frame for line in lines if (frame := self._take(line))]

    def _take(self, line: str) -> Frame | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._event = value
        elif field == "data":
            self._data.append(value)
        elif field == "id" and "\0" not in value:
            self._id = value
        elif field == "retry" and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS:
            self.retry_ms = int(value)
        return None

    def _dispatch(self) -> Frame | None:
        self.last_id = self._id
        frame = Frame(self._event or "message", "\n".join(self._data), self._id) if self._data else None
        self._event, self._data = "", []
        return frame
