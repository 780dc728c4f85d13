"""Stub until merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from streams.events import Reject


@dataclass(frozen=True)
class Fact:
    value: float
    date: int
    source: str = ""


@dataclass(frozen=True)
class Link:
    user: str
    person: str
    ts: int


@dataclass(frozen=True)
class Unlink:
    user: str
    ts: int


@dataclass(frozen=True)
class Facts:
    user: str
    ts: int
    facts: dict[str, Fact | None]


Control = Link | Unlink | Facts


def parse(value: bytes, newest_ms: int) -> Control | Reject:
    d: Any = orjson.loads(value)
    if d["type"] == "link":
        return Link(d["user"], d["person"], d["ts"])
    if d["type"] == "unlink":
        return Unlink(d["user"], d["ts"])
    return Facts(
        d["user"],
        d["ts"],
        {n: f and Fact(f["value"], f.get("date", d["ts"]), f.get("source", "")) for n, f in d["facts"].items()},
    )
