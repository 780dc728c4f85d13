"""How a worker is: what it says of itself, who watches it, and what the HTTP checks read. One `Health` a worker.

The main loop writes, other threads read: every value is replaced as a whole and never changed.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from agents.surroundings.finding import Finding
from streams.errors import Stalled
from streams.partition.liveness import MAIN_LOOP, PROGRESS, Liveness, Standing, Verdict

if TYPE_CHECKING:
    from streams.partition.figures import Figures
    from streams.partition.recovered import Progress
    from streams.policies.book import Book

LOOK_S = 1.0
BEAT_S = 0.5  # twice a look, so that a healthy loop has always beaten in between

STARTING, TAKING_OVER, SERVING, SHARING = "starting", "taking over", "serving", "sharing out"
_WHY = {
    STARTING: "the worker has not joined its group yet: it waits for Kafka and Redis, or for its first partitions",
    TAKING_OVER: "the rows of its partitions are read back from Kafka; nothing is folded before that is done",
    SHARING: "the group is sharing out the partitions anew; the worker has let go of its own",
}


class Ready(NamedTuple):
    """Does the worker serve, by which rule, and why."""

    ready: bool
    rule: str  #: STARTING, TAKING_OVER, SERVING or SHARING; or the check of the finding that keeps it from being ready
    why: str
    more: dict[str, Any]  #: for the body: which partitions, how far a take-over is


class Health:
    """Told by the worker, read by whoever asks."""

    def __init__(self) -> None:
        self.beats = 0
        self.verdict = Verdict(True, PROGRESS, "nobody has looked yet")
        self.recovery: Progress | None = None  #: of the last take-over
        self.seen: tuple[Standing, ...] = ()
        self.shown: Mapping[int, Figures] = {}
        self.findings: tuple[Finding, ...] = ()  #: of the last look at the surroundings
        self.book: Book | None = None  #: the rules, as far as they were read
        self._phase: tuple[str, tuple[int, ...]] = STARTING, ()

    def taking(self, numbers: Iterable[int]) -> None:
        """A take-over of these partitions begins."""
        self.recovery, self._phase = None, (TAKING_OVER, tuple(sorted(numbers)))

    def progress(self, progress: Progress) -> None:
        """How far the take-over is."""
        self.recovery = progress

    def took(self, numbers: Iterable[int]) -> None:
        """These partitions are served now; none is fine as well: a worker more than there are partitions."""
        self._phase = SERVING, tuple(sorted(numbers))

    def found(self, findings: tuple[Finding, ...]) -> None:
        """What a look at the surroundings found."""
        self.findings = findings

    def gone(self) -> None:
        """All partitions were let go of."""
        self._phase, self.shown = (SHARING, ()), {}

    @property
    def held(self) -> tuple[int, ...]:
        """The partitions that are served."""
        rule, numbers = self._phase
        return numbers if rule == SERVING else ()

    def ready(self) -> Ready:
        """Are all partitions of this worker served, and do the surroundings let live scores out?"""
        rule, numbers = self._phase
        blocking = next((finding for finding in self.findings if finding.blocks), None)
        if rule == SERVING and blocking:
            return Ready(False, blocking.check, blocking.text, {"held": numbers})
        if rule == SERVING:
            said = ", ".join(map(str, numbers)) or "none: the group has more workers than partitions"
            return Ready(True, rule, f"partitions served: {said}", {"held": numbers})
        told = self.recovery if rule == TAKING_OVER else None
        more = {"recovery": {"partitions": numbers, **told._asdict()}} if told else {}
        return Ready(False, rule, _WHY[rule], more)

    def beat(
        self,
        standings: Iterable[Standing] = (),
        figures: Mapping[int, Figures] | None = None,
        book: Book | None = None,
    ) -> None:
        """How the partitions stand now. On the main loop, which shows by it that it runs."""
        self.seen, self.shown, self.book = tuple(standings), figures or {}, book
        self.beats += 1


class Watcher:
    """A heartbeat on the main loop, and a thread that looks at it once a second and ends the process when it is not live.

    `beat` tells the health how the partitions stand.
    Loop and thread watch each other: a heartbeat that fails and a thread that ends are the end of the worker as well.
    """

    def __init__(
        self,
        health: Health,
        beat: Callable[[], None],
        stall_s: float,
        end: Callable[[object], None],
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._health, self._beat_now, self._liveness, self._end = health, beat, Liveness(stall_s), end
        self._monotonic_s = monotonic_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="health", daemon=True)
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin. On the main loop."""
        self._thread.start()
        self._beating = asyncio.create_task(self._beat(), name="heartbeat")
        self._beating.add_done_callback(self._failed)

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()
        if self._beating:
            self._beating.cancel()

    def look(self) -> None:
        """One look: keep the verdict, and end the process if it is not live."""
        health = self._health
        health.verdict = verdict = self._liveness.look(health.seen, self._monotonic_s(), health.beats)
        if not verdict.live:
            stalled = Stalled(
                f"{verdict.why}. Rule: {verdict.rule}. Restart it; if that does not help, `clout doctor` says more"
            )
            if verdict.rule == MAIN_LOOP:
                stalled.add_note(_where())
            self._end(stalled)

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_S):
            self.look()

    async def _beat(self) -> None:
        while True:
            self._beat_now()
            if not self._thread.is_alive() and not self._stopped.is_set():
                raise Stalled("nobody watches this worker any more: the thread that did has failed, see above")
            await asyncio.sleep(BEAT_S)

    def _failed(self, beating: asyncio.Task[None]) -> None:
        if not beating.cancelled() and beating.exception():
            self._end(beating.exception())


def _where() -> str:
    """Where each thread is. Not by `faulthandler`: in a write to a full pipe it would hold all threads up, also the end."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"Thread {names.get(ident, ident)} (most recent call last):\n" + "".join(traceback.format_stack(frame))
        for ident, frame in sys._current_frames().items()
    )
