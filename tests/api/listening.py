"""A client of `/v1/stream` as tests use it: frames as they come, and what a listener knows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx
import orjson


class Frame(NamedTuple):
    """One event, or a comment (`event` is empty). `cursor` is the last id so far."""

    event: str
    data: Any
    cursor: str


class Stream:
    """One open stream. `frames` are the events that came, `cursor` is the last id."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer, self.cursor = answer, ""
        self.frames: list[Frame] = []
        self._lines = answer.iter_lines()

    def __iter__(self) -> Iterator[Frame]:
        event, data = "", ""
        for line in self._lines:
            name, _, value = line.partition(": ")
            if name == "id":
                self.cursor = value
            elif name == "event":
                event = value
            elif name == "data":
                data = value
            elif not line:
                frame = Frame(event, orjson.loads(data) if data else None, self.cursor)
                if event:
                    self.frames.append(frame)
                event = data = ""
                yield frame

    def until(self, event: str, true: Callable[[Any], bool] = lambda _: True) -> Any:
        """The data of the next frame of this event of which that is true. A stream that ends before is an error."""
        for frame in self:
            if frame.event == event and true(frame.data):
                return frame.data
        raise AssertionError(f"the stream ended without such a {event}: {self.frames[-3:]}")

    @property
    def changes(self) -> list[tuple[str, float, float | None]]:
        """All that was told of scores: user, score, before."""
        told = [one for frame in self.frames if frame.event == "scores" for one in frame.data["users"]]
        return [(one["user"], one["score"], one["before"]) for one in told]


@contextmanager
def listening(client: httpx.Client, cursor: str = "", **asked: Any) -> Iterator[Stream]:
    """A stream, from a cursor on (by header) or from the beginning."""
    headers = {"Last-Event-ID": cursor} if cursor else {}
    with client.stream("GET", "/v1/stream", params=asked, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Stream(answer)
