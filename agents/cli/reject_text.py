"""What `clout rejects` says of a reject, and of what was done about many: for people, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from agents.cli.output import counted, json_line, moment, safe, say

if TYPE_CHECKING:
    from agents.admin.reject_log import Shown
    from agents.admin.reject_work import Tally

_SHOWN = 160  # characters of a record


def sum_up(tally: Tally, done: str, json: bool, *, dry_run: bool) -> None:
    """What was done, what stays and why: lines on stderr, or one object on stdout."""
    from agents.admin.reject_sorting import STAYS

    if json:
        json_line(
            {
                done: tally.done,
                "reasons": dict(tally.reasons),
                "topics": dict(tally.topics),
                "left": dict(tally.left),
                "already": dict(tally.already),
                "dry_run": dry_run,
            }
        )
        return
    what = f"would be {done}" if dry_run else done
    by = f": {counted(tally.topics)} ({counted(tally.reasons)})" if tally.done else ""
    say(f"{tally.done:,} {what}{by}")
    again = {code: count for code, count in tally.left.items() if code not in STAYS}
    if again:
        say(f"{sum(again.values()):,} left: a worker would reject them again ({counted(again)})")
    for code in STAYS:
        if count := tally.left[code]:
            say(f"{count:,} left: {STAYS[code]}")
    if tally.already:
        say(f"{tally.already.total():,} before: {counted(tally.already)}")


def described(one: Shown) -> dict[str, object]:
    """A reject as JSON: its record, when it was written, and what was done about it."""
    if one.kept is None:
        return {"unreadable": one.value.decode(errors="backslashreplace"), "at": one.at_ms, "done": None}
    return {**orjson.loads(one.value), "at": one.at_ms, "done": one.done}


def readable(one: Shown) -> str:
    """A reject in three lines, its bytes cut."""
    if one.kept is None:
        return f"{moment(one.at_ms)}  {safe(one.value[:_SHOWN].decode(errors='backslashreplace'))}"
    kept = one.kept
    head = f"{moment(one.at_ms)}  {kept.reason}  {kept.path}  {kept.origin}{f'  {one.done}' if one.done else ''}"
    text = _text(kept.value)
    cut = len(text) > _SHOWN or kept.truncated
    original = f"{text[:_SHOWN]}… ({kept.size} bytes)" if cut else text
    return f"{safe(head)}\n  {safe(kept.message)}\n  {original}"


def whole(one: Shown) -> list[str]:
    """Everything about a reject that can be read, a line each."""
    kept = one.kept
    assert kept  # noqa: S101 - it was found by its origin
    size = f"{kept.size:,} bytes{', of which the first 64 KB were kept' if kept.truncated else ''}"
    rows = [
        ("origin", str(kept.origin)), ("written", moment(one.at_ms)), ("reason", kept.reason), ("path", kept.path),
        ("message", kept.message), ("done", one.done or "nothing"), ("size", size),
    ]  # fmt: skip
    return [*(f"{name:8} {safe(text)}" for name, text in rows), "", _text(kept.value)]


def _text(value: bytes | None) -> str:
    """The original bytes as text: what is no text, or would move the cursor, is escaped."""
    if value is None:
        return "(no value)"
    return safe(value.decode(errors="backslashreplace")) or "(empty)"
