"""The latest alerts of one user, as Redis has them: a JSON array, the newest first, one alert a line.

A bare line break is nowhere else in JSON, so flush.lua can part the alerts without decoding them.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import orjson

from streams.scoreboard.layout import ALERTS_A_USER

_PARTED = b",\n"


class _Whose(msgspec.Struct):
    user: str = ""
    at: int = 0


_whose = msgspec.json.Decoder(_Whose).decode


def user_of(alert: bytes) -> str:
    """About whom an alert (JSON) is; empty for what cannot be kept by user."""
    try:
        return "" if b"\n" in alert else _whose(alert).user
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


def at_of(alert: bytes) -> int:
    """Moment of an alert, ms since epoch; 0: it says none."""
    try:
        return _whose(alert).at
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return 0


def packed(alerts: Sequence[bytes]) -> bytes:
    """The array of these alerts, the newest first."""
    return b"[" + _PARTED.join(alerts) + b"]"


def parts(array: bytes | None) -> list[bytes]:
    """The alerts of an array, each as it was written; none of what is not there."""
    return [one for one in (array or b"[]")[1:-1].split(_PARTED) if one]


def merged(array: bytes | None, more: Sequence[bytes]) -> bytes:
    """The array with these alerts (of the same user) in it, each once, by their moments; the newest ALERTS_A_USER."""
    there = parts(array)
    both = [*there, *(alert for alert in more if alert not in there)]
    return packed(sorted(both, key=at_of, reverse=True)[:ALERTS_A_USER])


def read(array: bytes | None) -> list[dict[str, object]]:
    """The alerts of an array, decoded."""
    return orjson.loads(array) if array else []
