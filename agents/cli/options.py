"""Options shared by the commands: settings as flags, times, and the flag for JSON."""

from __future__ import annotations

import datetime
import functools
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import click

from streams.settings import Settings, variable_of

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

F = TypeVar("F", bound=Callable[..., Any])

_KAFKA_LOGIN = ("kafka_security", "kafka_mechanism", "kafka_user", "kafka_password_file")
_KAFKA_TLS = ("kafka_ca", "kafka_certificate", "kafka_key", "kafka_check_hostname")
KAFKA = ("kafka", *_KAFKA_LOGIN, *_KAFKA_TLS, "topic_prefix", "partitions")
REDIS = ("redis", "redis_password_file", "redis_prefix", "redis_shards", "redis_cluster", "partitions")
#: all that may be a flag: whoever lists processes reads flags, so secrets come from variables and files alone
EVERYTHING = tuple(field.name for field in fields(Settings) if not field.metadata["secret"])

_FIELDS = {field.name: field for field in fields(Settings)}


def settings_options(*names: str) -> Callable[[F], F]:
    """Adds a flag for each of these settings; the command gets the effective `settings` instead of the flags.

    Wrong values, of flags and of variables, are all reported at once (UsageError, exit code 2).
    """
    names = tuple(dict.fromkeys(names))

    def add(command: F) -> F:
        @functools.wraps(command)
        def called(**given: Any) -> Any:
            flags = {name: given.pop(name) for name in names}
            return command(settings=Settings.load(**flags), **given)

        for name in reversed(names):
            called = _option(name)(called)
        return called  # type: ignore[return-value]

    return add


def _option(name: str) -> Callable[[F], F]:
    field = _FIELDS[name]
    flag = "--" + name.replace("_", "-")
    default = field.default if field.default != "" else "empty"
    notes = [f"env: {variable_of(name)}", f"default: {str(default).lower() if isinstance(default, bool) else default}"]
    if field.metadata["choices"]:
        notes.insert(0, "one of " + ", ".join(field.metadata["choices"]))
    text = f"{field.metadata['doc'].replace('`', '')}  [{'; '.join(notes)}]"
    # Settings.load reads the variables itself, so that a wrong one is reported by its name
    common: dict[str, Any] = {"default": None, "help": text, "allow_from_autoenv": False}
    if isinstance(field.default, bool):
        return click.option(f"{flag}/--no-{flag[2:]}", name, **common)
    return click.option(flag, name, metavar=_metavar(field.default), **common)


def _metavar(default: object) -> str:
    return {int: "N", float: "N"}.get(type(default), "TEXT")


def all_of(options: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    """Adds these options, in the order in which the help shows them."""

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


LOOPBACK = "127.0.0.1"
host_option = click.option(
    "--host",
    default=LOOPBACK,
    show_default=True,
    show_envvar=True,
    help="Address that --port is opened on. On another than a loopback address reads need a token, but with --api-open true.",
)
json_option = click.option("--json", is_flag=True, show_envvar=True, help="JSON on stdout, one object a line.")


class Time(click.ParamType):
    """ms since epoch, or ISO 8601; UTC when it has no offset. Gives ms."""

    name = "TS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds since epoch."""
        if isinstance(value, int):
            return value
        text = str(value).strip()
        if text.lstrip("-").isdecimal():
            ms = int(text)
            if abs(ms) < 100_000_000_000:
                self.fail(f"{text} is in ms since epoch and lies before 1973: seconds? then append 000", param, ctx)
            return ms
        try:
            moment = datetime.datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is no time: ms since epoch, or ISO 8601 such as 2026-01-01T00:00:00Z", param, ctx)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        return round(moment.timestamp() * 1000)


class Since(Time):
    """A time, or how long ago: `90s`, `30m`, `2h`, `7d`. Gives ms since epoch."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds since epoch."""
        if ago := re.fullmatch(r"\s*(\d{1,6})([smhd])\s*", str(value)):
            return int((time.time() - int(ago[1]) * _UNITS_S[ago[2]]) * 1000)
        return super().convert(value, param, ctx)


TIME = Time()
SINCE = Since()
