"""The course of one story: wait for the worker, feed and show, let everything be folded, say what came out."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import orjson
from redis.exceptions import RedisError
from rich.console import Console

from agents.api.leaders import Leaders
from agents.demo.named import naming
from agents.demo.stack import INTERRUPTED, SIGNALS, Stack
from agents.demo.story import Plan, send
from agents.demo.tally import LOOK_S, folded, result, whole
from agents.demo.view import LineView, TerminalView, View
from agents.feeds.feeder import Feeder
from streams.errors import DependencyDown
from streams.scoreboard.connect import connect
from streams.scoreboard.reader import Reader
from streams.sources import Produced
from streams.topics import CONTROLS

JOIN_S = 60.0
END_S = 10.0  # whatever has not ended by then is cancelled again by `asyncio.run`
GUARD_S = 0.25
FIRST_LOOK_S = 0.1  # between two looks for the first score
SHOWN = 20


class Course:
    """One demo on a running stack."""

    def __init__(
        self,
        plan: Plan,
        running: Stack,
        records: Iterator[Produced],
        url: str,
        say: Callable[[str], None],
        errors: Console,
        told: list[str],
    ) -> None:
        self._plan, self._stack, self._records, self._url = plan, running, records, url
        self._say, self._errors, self._told = say, errors, told
        self._first_score_s: float | None = None  # from the start of the command
        self._stop = asyncio.Event()

    async def run(self) -> int | None:
        """Returns the exit code, None when the story is to begin again; raises what ended the demo early."""
        settings, loop = self._stack.settings, asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._interrupt)
        client = connect(settings)
        shape = (settings.redis_prefix, settings.redis_shards, settings.partitions)
        self._reader = Reader(client, *shape)
        self._board = Leaders(self._reader, settings, wall_ms=lambda: time.time() * 1000, monotonic_s=time.monotonic)
        self._feeder = Feeder(settings)
        self._story = asyncio.create_task(self._tell())
        guard = asyncio.create_task(self._guard())
        names = asyncio.create_task(naming(settings, client, self._plan.names()))
        try:
            await asyncio.wait({self._story, guard}, return_when=asyncio.FIRST_COMPLETED)
            if guard.done():  # it only ends when something is gone
                guard.result()
            return self._story.result()
        except asyncio.CancelledError:
            return INTERRUPTED
        finally:
            for task in (self._story, guard, names):
                task.cancel()
            await asyncio.wait({self._story, guard, names}, timeout=END_S)
            await self._reader.close()

    def _interrupt(self) -> None:
        """The first time the feed stops; the second time everything does."""
        if self._stop.is_set() or not self._feeder.sent:
            self._story.cancel()
        self._stop.set()

    async def _guard(self) -> None:
        """Raises when one of the children is gone."""
        addresses = [("broker", self._stack.settings.kafka), ("Redis", self._stack.settings.redis.partition("//")[2])]
        while True:
            self._stack.check()
            for name, address in addresses:
                host, _, port = address.partition("/")[0].rpartition(":")
                try:
                    _, writer = await asyncio.open_connection(host, int(port))
                except OSError as error:
                    raise DependencyDown(f"the demo's {name} is gone ({error}); start the demo again") from None
                writer.close()
            await asyncio.sleep(GUARD_S)

    async def _tell(self) -> int | None:
        plan = self._plan
        self._say("waiting for the worker to take its partitions")
        await self._joined()
        async with self._feeder:
            what = "stdin" if plan.source == "-" else plan.source or "invented events"
            self._say(f"feeding {what}, {plan.rate:,.0f} a second at most")
            began_s = time.monotonic()
            view = asyncio.create_task(self._show())
            try:
                await self._feed()
                if plan.for_s is None and not plan.json:
                    if plan.again_s and not self._stop.is_set():
                        self._say("the story begins again")
                        return None
                    if not self._stop.is_set():
                        self._say("the source has ended; the page stays until Ctrl-C")
                    await self._stop.wait()
                elif self._stop.is_set() and plan.for_s is not None:
                    return INTERRUPTED
                else:
                    done_s = await folded(self._reader, self._fed)
            finally:
                view.cancel()
                await asyncio.wait({view})
            if plan.for_s is None and not plan.json:
                return 0
            now_ms = self._board.now_ms(await self._reader.pulses())
            came = await result(self._reader, self._fed, done_s - began_s, now_ms, live=plan.of_now)
            came["seconds_to_first_score"] = self._first_score_s and round(self._first_score_s, 1)
        if plan.json:
            sys.stdout.buffer.write(orjson.dumps(came) + b"\n")  # bytes: JSON is UTF-8 whatever the terminal is
            sys.stdout.buffer.flush()
        self._say(whole(came))
        return 0

    async def _joined(self) -> None:
        """Each partition has said that it is there: feeding before would only measure the start."""
        settings = self._stack.settings
        deadline_s = time.monotonic() + JOIN_S
        while len(await self._reader.pulses()) < settings.partitions:
            if time.monotonic() > deadline_s:
                raise DependencyDown(f"the worker took no partitions within {JOIN_S:.0f} s; its log: {self._stack.log}")
            await asyncio.sleep(LOOK_S)

    async def _feed(self) -> None:
        """Until the source ends, the time is over, or Ctrl-C; then everything is acknowledged."""
        plan = self._plan
        feeding = asyncio.create_task(send(self._feeder, self._records, plan.rate, trickles=plan.trickles))
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({feeding, stopping}, timeout=plan.for_s or plan.again_s, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding
        await self._feeder.flush()

    @property
    def _fed(self) -> int:
        return self._feeder.acked.total() - self._feeder.acked[CONTROLS.name]

    async def _show(self) -> None:
        view: View = TerminalView(Console(), self._url) if sys.stdout.isatty() else LineView(self._errors)
        try:
            while True:
                with contextlib.suppress(RedisError, OSError):  # the guard says it better
                    board = await self._board.look(SHOWN)
                    if self._first_score_s is None and board["top"]:
                        self._first_score_s = time.time() - self._plan.began_s
                    if self._first_score_s is not None:
                        view.show(board, self._fed, self._told[-1] if self._told else "", self._stack.pager.latest)
                await asyncio.sleep(view.every_s if self._first_score_s is not None else FIRST_LOOK_S)
        finally:
            view.close()
