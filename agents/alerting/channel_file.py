"""Channels in a TOML file: `[[channel]]`, with the fields that a channel has in `policies`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec

from streams.errors import UsageError
from streams.model.channels import Channel, Quiet, Route
from streams.policies.book import MOST_CHANNELS, Book
from streams.policies.channels import bad_channel

VARIABLE = "CLOUT_CHANNELS"


def read(path: str, where: str = "") -> tuple[Channel, ...]:
    """All of them, by name. Raises UsageError that says `where`, names the channel and says what is wrong."""
    where = where or f"{VARIABLE}={path}"
    try:
        with Path(path).open("rb") as file:
            found = tomllib.load(file)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{where}: cannot be read ({why})") from None
    if wrong := set(found) - {"channel"}:
        raise UsageError(f"{where}: {min(wrong)}: it holds [[channel]] tables and nothing else")
    tables = found.get("channel", [])
    return of(tables if isinstance(tables, list) else [tables], where)


def of(tables: Iterable[Any], where: str) -> tuple[Channel, ...]:
    """Channels of tables. Raises UsageError."""
    channels: dict[str, Channel] = {}
    for number, table in enumerate(tables, 1):
        if not isinstance(table, dict):
            raise UsageError(f"{where}: channel number {number}: write its fields under [[channel]]")
        name = str(table.get("name", f"number {number}"))[:80]
        try:
            one = msgspec.convert({"type": "channel", **table}, Channel)
        except (msgspec.ValidationError, TypeError) as error:
            raise UsageError(f"{where}: channel {name}: {error}") from None
        if unknown := _unknown(table):
            raise UsageError(f"{where}: channel {name}: {unknown}: no channel has it")
        if reject := bad_channel(one):
            path = reject.path.removeprefix("$").removeprefix(".")
            raise UsageError(f"{where}: channel {name}: {f'{path}: ' if path else ''}{reject.message}")
        if one.name in channels:
            raise UsageError(f"{where}: channel {name} is there twice")
        channels[one.name] = one
    if len(channels) > MOST_CHANNELS:
        raise UsageError(f"{where}: {len(channels)} channels; there are at most {MOST_CHANNELS}")
    return tuple(channels.values())


class With:
    """A book with these channels, too: they win over those of the same names."""

    def __init__(self, book: Callable[[], Book], channels: Iterable[Channel]) -> None:
        self._book, self._own = book, {one.name: one for one in channels}
        self._of: Book | None = None
        self._made: Book | None = None

    def __call__(self) -> Book:
        """The same object as long as the policies are the same."""
        book = self._book()
        if self._made is None or book is not self._of:
            both = {one.name: one for one in book.channels} | self._own
            self._of = book
            self._made = book._replace(channels=tuple(both[name] for name in sorted(both))) if self._own else book
        return self._made


def _unknown(table: dict[str, Any]) -> str:
    """A field that is misspelt, perhaps: it would hold for nothing."""
    for at, own in (("", table), ("route.", table.get("route", {})), ("quiet.", table.get("quiet", {}))):
        if unknown := set(own) - _FIELDS[at]:
            return f"{at}{min(unknown)}"
    return ""


def _fields(one: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(one)}


_FIELDS = {"": {"type", *_fields(Channel)}, "route.": _fields(Route), "quiet.": _fields(Quiet)}
