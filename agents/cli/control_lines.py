"""Controls out of words and files: JSON one a line, or CSV. Every line is checked as a worker would, before anything is sent."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import click
import orjson

from agents.cli.options import TIME
from agents.terminal import safe
from streams.errors import CloutError, UsageError
from streams.events import MAX_AHEAD_MS, Reject
from streams.people.checks import PERSON
from streams.people.controls import Control, encode, is_fact_name, parse
from streams.sources.lines import Lines, open_bytes

AWAY = ("", "-")  #: as the value of a fact: it is taken away
_MOST_TOLD = 20
_MOST_SHOWN = 40  # characters of what came
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_NO_FACTS = ("user", "date", "source")  # columns

Body = dict[str, Any]


class Given(NamedTuple):
    """What holds for each control that does not say it: when it was said, for when a fact holds, from where it is."""

    now_ms: int
    date: int | None = None
    source: str | None = None


class Read(NamedTuple):
    """Keys and values of the controls of a file, about so many users; `silent` lines say nothing."""

    records: list[tuple[bytes, bytes]]
    users: int
    silent: int


class _Bad(Exception):
    """What is wrong with a line."""


_Make = Callable[[bytes], Body | None]


def body_of(kind: str, user: str, given: Given, **more: Any) -> Body:
    """A control as it is sent."""
    return {"type": kind, "user": user, "ts": given.now_ms, **more}


def name_of(person: str) -> str:
    """The name of a person, who may be written as the user `person:NAME`."""
    return person.removeprefix(PERSON)


def facts_of(words: tuple[str, ...], given: Given) -> Body:
    """The facts that NAME=VALUE words tell. Raises UsageError."""
    found: Body = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            raise UsageError(f"{word!r} is no fact: write NAME=VALUE, or NAME=- to take one away")
        if name in found:
            raise UsageError(f"{name!r} stands there twice: say it once")
        try:
            found[name] = _fact(value, given.date, given.source)
        except _Bad as error:
            raise UsageError(f"{name}: {error}") from None
    return found


def checked(body: Body, given: Given) -> Control:
    """The control of a body as a worker would take it. Raises UsageError."""
    found = parse(orjson.dumps(body), given.now_ms + MAX_AHEAD_MS)
    if isinstance(found, Reject):
        raise UsageError(safe(_told(found)))
    return found


def read(file: str, kind: str, given: Given) -> Read:
    """All controls of a file (plain, gzip, zstd; `-`: stdin), of type `link` or `facts`, as they will be sent; in memory.

    Of several lines about one user each is said a millisecond after the one before, so the last counts. Raises CloutError
    that names each wrong line, UsageError if the file cannot be read.
    """
    raw, name = open_bytes(file), "stdin" if file == "-" else file
    try:
        return _all(Lines(raw, name), kind, given)
    finally:
        if file != "-":
            raw.close()


def _all(lines: Lines, kind: str, given: Given) -> Read:
    records: list[tuple[bytes, bytes]] = []
    wrong: list[str] = []
    users, silent = Counter[str](), 0
    make: _Make | None = None
    for line in lines:
        try:
            if make is None:
                is_json = line.startswith((b"{", b"["))
                make = _json(kind, given) if is_json else _csv(line, kind, given)
                if not is_json:
                    continue
            if body := make(line):
                records.append(encode(_control(body, given, users)))
            else:
                silent += 1
        except _Bad as error:
            wrong.append(f"{lines.name}, line {lines.number}: {error}")
            if make is None:  # the names of the columns: what follows means nothing
                break
    if lines.too_long:
        wrong.append(f"{lines.name}, line {lines.first_too_long}: too long; is it the right file?")
    if wrong:
        raise CloutError("\n".join(map(safe, _shown(wrong, lines.name))))
    if not records:
        raise CloutError(safe(f"nothing to send in {lines.name}; `clout control {kind} --help` says what it may hold"))
    return Read(records, len(users), silent)


def _shown(wrong: list[str], name: str) -> list[str]:
    rest = [f"and {len(wrong) - _MOST_TOLD:,} more lines"] if len(wrong) > _MOST_TOLD else []
    return [*wrong[:_MOST_TOLD], *rest, f"nothing was sent; mend these lines of {name}, then send all of it"]


def _control(body: Body, given: Given, users: Counter[str]) -> Control:
    user = body.get("user")
    if isinstance(user, str):
        body.setdefault("ts", given.now_ms + users[user])
        users[user] += 1
    found = parse(orjson.dumps(body), given.now_ms + MAX_AHEAD_MS)
    if isinstance(found, Reject):
        raise _Bad(_told(found))
    return found


def _told(reject: Reject) -> str:
    path = reject.path.removeprefix("$").removeprefix(".").removeprefix("facts.")
    return f"{path}: {reject.message}" if path else reject.message


def _json(kind: str, given: Given) -> _Make:
    """Controls as they are sent, or without `type` and `ts`; a fact may be just its value."""

    def make(line: bytes) -> Body:
        if line.startswith(b"["):
            raise _Bad("an array; send one object a line, as jq -c '.[]' writes them")
        try:
            body = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise _Bad(f"no JSON object ({error})") from None
        if not isinstance(body, dict):
            raise _Bad("no JSON object; one object a line")
        if body.setdefault("type", kind) != kind:
            raise _Bad(f"type: this is for controls of type {kind}")
        if isinstance(facts := body.get("facts"), dict):
            body["facts"] = {name: _filled(fact, given) for name, fact in facts.items()}
        if isinstance(person := body.get("person"), str):
            body["person"] = name_of(person)
        return body

    return make


def _filled(fact: Any, given: Given) -> Any:
    if isinstance(fact, int | float) and not isinstance(fact, bool):
        fact = {"value": fact}
    return {"date": given.date, "source": given.source, **fact} if isinstance(fact, dict) else fact


def _csv(header: bytes, kind: str, given: Given) -> _Make:
    columns = _cells(header)
    needed = ["user", "person"] if kind == "link" else ["user"]
    if missing := [name for name in needed if name not in columns]:
        shown = ", ".join(columns)[:_MOST_SHOWN]
        raise _Bad(
            f"no column {' and '.join(missing)} ({shown}); the first line names the columns, commas between them"
        )
    if twice := [name for name, times in Counter(columns).items() if times > 1]:
        raise _Bad(f"the column {twice[0]!r} is there twice")
    names = [] if kind == "link" else [name for name in columns if name not in _NO_FACTS]
    if wrong := [name for name in names if not is_fact_name(name)]:
        raise _Bad(f"the column {wrong[0][:_MOST_SHOWN]!r}: the name of a fact is 1 to 32 of a-z, 0-9 and _")

    def make(line: bytes) -> Body | None:
        cells = _cells(line)
        if len(cells) != len(columns):
            raise _Bad(f"{len(cells)} cells; the first line names {len(columns)} columns")
        row = dict(zip(columns, cells, strict=True))
        if kind == "link":
            return {"type": kind, "user": row["user"], "person": name_of(row["person"])}
        date = _moment(row["date"]) if row.get("date") else given.date
        facts: Body = {}
        for name in names:
            if not row[name]:
                continue
            try:
                facts[name] = _fact(row[name], date, row.get("source") or given.source)
            except _Bad as error:
                raise _Bad(f"{name}: {error}") from None
        return {"type": kind, "user": row["user"], "facts": facts} if facts else None

    return make


def _cells(line: bytes) -> list[str]:
    try:
        (cells,) = csv.reader([line.decode()], strict=True)
    except UnicodeDecodeError:
        raise _Bad("no UTF-8; save the file as UTF-8") from None
    except csv.Error as error:
        raise _Bad(f"no CSV ({error}); a cell with a comma or a quote in it stands in quotes, on one line") from None
    return [cell.strip() for cell in cells]


def _fact(text: str, date: int | None, source: str | None) -> Body | None:
    if text in AWAY:
        return None
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise _Bad(f"{text[:_MOST_SHOWN]!r} is no number; write 1200 or 0.5, and 1 and 0 for yes and no")
    return {"value": value, "date": date, "source": source}


def _moment(text: str) -> int:
    try:
        return TIME.convert(text, None, None)
    except click.UsageError as error:
        raise _Bad(f"date: {error.message}") from None
