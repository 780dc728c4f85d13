"""One request and how its answer is read, without any connection: both clients send the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from agents.client.errors import NotUnderstood, refused
from agents.shapes.either import decode
from streams.errors import UsageError

T = TypeVar("T")

Query = Sequence[tuple[str, str]]

_WELL = range(200, 300)


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """A request. `path` is percent-encoded."""

    kind: type[T]  #: of the answer
    path: str
    query: Query = ()
    method: str = "GET"
    body: bytes | None = None

    @property
    def target(self) -> str:
        """Path and query, percent-encoded."""
        return f"{self.path}?{encoded(self.query)}" if self.query else self.path

    def read(self, status: int, headers: Mapping[str, str], content: bytes) -> T:
        """The answer. Raises Refused for a problem, NotUnderstood for what is none of our answers."""
        if status not in _WELL:
            raise refused(status, headers, content)
        try:
            return decode(content, self.kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise NotUnderstood(f"{self.method} {self.path}: no {self.kind.__name__} came ({error})") from None


def segment(text: str) -> str:
    """An id or a name as one segment of a path: whatever it holds, `/` too, is none of the address."""
    found = _quoted(text)
    return found.replace(".", "%2E") if text in (".", "..") else found


def encoded(query: Query) -> str:
    """As in an address."""
    try:
        return urlencode(query)
    except UnicodeEncodeError:
        raise _no_text(str(query)) from None


def several(name: str, values: Sequence[str]) -> Query:
    """A parameter with several ids, each whole, for they may hold commas."""
    if isinstance(values, str):
        raise UsageError(f"{name}: a list of ids is meant, not {values!r}")
    found = [(name, value) for value in values]
    return [*found, (name, "")] if len(found) == 1 else found  # a single value would be parted by its commas


def some(**values: Any) -> Query:
    """Parameters, but for those that are None."""
    return [(name, str(value)) for name, value in values.items() if value is not None]


def _quoted(text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise _no_text(text) from None


def _no_text(text: str) -> UsageError:
    return UsageError(f"{text!r} has half a surrogate pair: it is no text that an address can hold")
