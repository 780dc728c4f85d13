"""Running the process: policies, senders, the group, metrics; until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from agents.alerting import channel_file
from agents.alerting.addresses import Allowed
from agents.alerting.attempts import Around, tls
from agents.alerting.figures import Counts
from agents.alerting.metrics import Metrics
from agents.alerting.run import Alerting, kept_up
from agents.alerting.secrets import Secrets
from agents.alerting.senders import senders
from agents.alerting.shown import showing
from agents.shapes.deliveries import ChannelStanding
from agents.surroundings.serve import serving
from agents.worker.policies import Following
from streams.errors import UsageError
from streams.scoreboard.connect import connect
from streams.scoreboard.layout import Keys
from streams.settings import Settings

_UNREADY = "it has not joined its group yet, or what waits is being read: is Kafka there?"
_THREADS = 64  # of names that are looked up: those that nobody answers for hold up no other


def around(settings: Settings) -> Around:
    """What senders need to know. Raises UsageError."""
    try:
        context = tls(settings.alerting_ca)
    except OSError as error:  # ssl.SSLError is one
        raise UsageError(f"CLOUT_ALERTING_CA={settings.alerting_ca}: no PEM file of certificates ({error})") from None
    return Around(settings.app, Secrets(settings.secrets), Allowed(settings.alerting_inside), context, time.time)


async def run(settings: Settings, told: Callable[[int], None], host: str, port: int | None) -> None:
    """Until SIGTERM or Ctrl-C; `told` gets the real port, if one is opened. Raises UsageError."""
    own = channel_file.read(settings.channels) if settings.channels else ()
    known, counts, stop = around(settings), Counts(), asyncio.Event()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as undo:
        following = Following(settings)
        undo.push_async_callback(following.close)
        book = channel_file.With(lambda: following.book, own)
        now: list[Alerting] = []

        def standings() -> list[ChannelStanding]:
            return [one for alerting in now for post in alerting.posts.values() for one in post.standings()]

        if port is not None:
            unready = lambda: "" if now and now[0].ready else _UNREADY  # noqa: E731
            told(await undo.enter_async_context(serving(host, port, Metrics(counts, standings), unready)))
        opening, stopped = asyncio.create_task(following.open()), asyncio.create_task(stop.wait())
        undo.callback(stopped.cancel)
        await asyncio.wait({opening, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not opening.done():
            opening.cancel()
            return
        opening.result()
        kinds = senders(known)
        for sender in kinds.values():
            undo.push_async_callback(sender.close)
        client = connect(settings)
        undo.push_async_callback(client.aclose)
        shown = asyncio.create_task(showing(client, Keys(settings.redis_prefix, 0), standings, counts, book))
        undo.callback(shown.cancel)

        def begun() -> Alerting:
            now[:] = [Alerting(settings, book, kinds, counts)]
            return now[0]

        await kept_up(begun, stop)
