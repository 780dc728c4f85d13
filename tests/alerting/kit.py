"""Alerts, channels and deliveries for tests, and what senders need to know."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import orjson

from agents.alerting.addresses import Allowed
from agents.alerting.attempts import Around, Outcome, tls, tried
from agents.alerting.secrets import Secrets
from agents.alerting.senders import senders
from streams.formats.deliveries import Delivery
from streams.model.channels import Channel

T0 = 1_785_000_000_000  #: 2026-07-25 17:20:00 UTC, a Saturday
INSIDE = "127.0.0.0/8, ::1"
#: ids that somebody may have
IDS = (
    "bluesky:ann",
    "mastodon:🦊🧡",
    "x:\"quoted\" 'and' `more`",
    "x:\u202eevil\u2066",
    "x:" + "é" * 127,
    "x:two\nlines\r\nBcc: eve@example.org",
    "x:<!channel> <https://evil.example|here> @everyone &amp;",
    "x:\x1b[31mred\x00",
)


def alert(number: int = 1, user: str = "bluesky:ann", state: str = "raised", **more: Any) -> dict[str, Any]:
    """As `alerts` has it."""
    return {
        "id": f"day-fall/{user}/{T0}/{state}" if number == 1 else f"day-fall/{user}/{T0 + number}/{state}",
        "rule": "day-fall",
        "state": state,
        "severity": "warning",
        "user": user,
        "episode": T0 if number == 1 else T0 + number,
        "at": T0 + number,
        "score": 40.0,
        "change": -float(number),
        "cause": "reversed",
        "causes": [{"cause": "reversed", "points": -float(number)}],
        "objects": ["post/1"],
        "people": ["bob"],
        "sentence": f"{user} fell {number} points",
    } | more


def delivery(channel: str = "ops", at: int = T0, said: Mapping[str, Any] | None = None, **more: Any) -> Delivery:
    """One that was just taken up; `more` changes its alert."""
    one = dict(said) if said is not None else alert(**more)
    return Delivery(channel=channel, id=str(one["id"]), at=at, due=at, alert=msgspec.Raw(orjson.dumps(one)))


def hook(url: str = "https://hooks.example.org/in", **more: Any) -> Channel:
    """A channel that is well."""
    return Channel(**{"name": "ops", "url": url, "timeout_s": 5.0} | more)


def around(inside: str = INSIDE, ca: Path | None = None, folder: str = "", **secrets: str) -> Around:
    """What senders need to know; `secrets` by the names of their variables."""
    environ = {f"CLOUT_SECRET_{name}": text for name, text in secrets.items()}
    context: ssl.SSLContext = tls(str(ca or ""))
    return Around("clout", Secrets(folder, environ), Allowed(inside), context, lambda: T0 / 1000)


async def attempt(channel: Channel, known: Around, one: Delivery | None = None) -> Outcome:
    """One attempt with the senders of the process."""
    kinds = senders(known)
    async with contextlib.AsyncExitStack() as undo:
        for sender in kinds.values():
            undo.push_async_callback(sender.close)
        return await tried(kinds[channel.kind], channel, one or delivery())


@contextlib.asynccontextmanager
async def raw_server(answer: Any, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serves bytes: `answer(reader, writer)` for each connection. Yields the port; all ends with the block."""
    import asyncio

    tasks: set[Any] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await answer(reader, writer)
        writer.close()
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
