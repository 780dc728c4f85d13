"""A client of the API, typed: `Clout`, `AsyncClout`, and a stream that comes back by itself. Needs httpx: the extra `client`."""

from __future__ import annotations

from agents.client.clout import AsyncClout, Clout
from agents.client.errors import (
    ClientError,
    Conflict,
    NotAvailable,
    NotFound,
    NotLetIn,
    NotUnderstood,
    Refused,
    TooMany,
    Unreachable,
    WrongInput,
    WrongScope,
)
from agents.client.events import AlertEvent, Event
from agents.client.stream import AsyncStream, Stream
from agents.shapes.pushed import Board, Closed, Down, Reset, Scores, Snapshot, Up

__all__ = [
    "AlertEvent",
    "AsyncClout",
    "AsyncStream",
    "Board",
    "ClientError",
    "Closed",
    "Clout",
    "Conflict",
    "Down",
    "Event",
    "NotAvailable",
    "NotFound",
    "NotLetIn",
    "NotUnderstood",
    "Refused",
    "Reset",
    "Scores",
    "Snapshot",
    "Stream",
    "TooMany",
    "Unreachable",
    "Up",
    "WrongInput",
    "WrongScope",
]
