"""The events of a stream, as types: what a frame says."""

from __future__ import annotations

import msgspec

from agents.client.errors import NotUnderstood
from agents.client.sse import Frame
from agents.shapes.either import Alert, decode
from agents.shapes.pushed import Board, Closed, Down, Reset, Scores, Snapshot, Up


class AlertEvent(msgspec.Struct, frozen=True, kw_only=True):
    """`alert`: as it stands in the topic `alerts`."""

    alert: Alert


Event = Snapshot | Scores | AlertEvent | Board | Down | Up | Reset | Closed

_KINDS: dict[str, type[Event]] = {
    "snapshot": Snapshot, "scores": Scores, "board": Board, "down": Down, "up": Up, "reset": Reset, "closed": Closed,
}  # fmt: skip


def event_of(frame: Frame) -> Event | None:
    """What it says; None: a newer server has more kinds than we know. Raises NotUnderstood."""
    try:
        if frame.event == "alert":
            return decode(f'{{"alert":{frame.data}}}', AlertEvent)
        kind = _KINDS.get(frame.event)
        return decode(frame.data, kind) if kind else None
    except msgspec.MsgspecError as error:
        raise NotUnderstood(f"/v1/stream: an event `{frame.event}` cannot be read ({error})") from None
