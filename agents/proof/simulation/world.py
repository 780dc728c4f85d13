"""One run: input, workers, faults by a seed, then peace, then the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from random import Random

from agents.proof.simulation import invented as fed_input
from agents.proof.simulation.group import Group
from agents.proof.simulation.log import Broker
from agents.proof.simulation.redis import Redis
from agents.proof.simulation.worker import Worker
from streams.errors import LostInput
from streams.partition.loop import Loop
from streams.settings import Settings
from streams.topics import ALL

FIRST_MS = 1_767_225_600_000 - 4_000  # 4 s before a midnight: daily closes happen on the way
SETTLED_S = 1.8  # longer than an idle look, so that whatever is still to be noticed is
PATIENCE_S = 240.0
WORKERS = 3


class World:
    """Everything a seed decides. `wrong` is what was found; empty is good."""

    def __init__(self, seed: int, say: Callable[[str], None] | None = None) -> None:
        self.random = random = Random(seed)
        self.wrong: list[str] = []
        self._say = say
        partitions = random.choice((1, 2, 2, 3))
        self.settings = Settings(
            model="plain",
            partitions=partitions,
            clock=random.choice(("wall", "stream")),
            interval_ms=random.choice((100, 250, 250)),
            idle_s=random.choice((2.0, 5.0)),
        )
        step_ms = 60 if self.settings.clock == "wall" else random.choice((1_000, 7_000_000))
        self.fed = fed_input.invent(random, partitions, random.randint(10, 45), FIRST_MS, step_ms)
        self.redis_slow_s = random.choice((0.0, 0.0, 0.06))
        self.latency_s, self.session_s = random.choice((0.001, 0.005, 0.03)), 1.5
        self.committed = True  # a rule of the protocol, for the mutations
        self._calm()
        self._rates = (
            random.choice((0.0, 0.002, 0.01)),
            random.choice((0.0, 0.0, 0.03)),
            random.choice((0.0, 0.0, 0.1)),
            random.choice((0.0, 0.0, 0.04)),
        )
        self.redis, self.group = Redis(), Group(self)
        self.broker = Broker([topic.name for topic in ALL], partitions, random)
        self.processes: list[Worker] = []
        self._lines: dict[tuple[Worker, str, int], asyncio.Lock] = {}
        self._named = 0

    def _calm(self) -> None:
        self.crash = self.send_fails = self.answer_lost = self.block_lost = 0.0
        self.stopping = False

    def say(self, what: str) -> None:
        """One line of the story, for a replay."""
        if self._say:
            self._say(f"{asyncio.get_running_loop().time():9.4f}  {what}")

    def wall_ms(self) -> float:
        """The clock on the wall: with `stream`, history is replayed much later."""
        late_ms = 0 if self.settings.clock == "wall" else 400 * 86_400_000
        return FIRST_MS + late_ms + asyncio.get_running_loop().time() * 1000

    def line(self, process: Worker, topic: str, number: int) -> asyncio.Lock:
        """Blocks of one partition queue up here on their way through the framework."""
        return self._lines.setdefault((process, topic, number), asyncio.Lock())

    def died(self, process: Worker, why: object) -> None:
        """A worker has ended itself: for input lost on its way or a broker's error it may, for a bug it may not."""
        if not isinstance(why, (LostInput, ConnectionError)) and type(why).__name__ != "ProducerFenced":
            self.wrong.append(f"{process.name} ended with {why!r}")

    def gone(self, process: Worker) -> None:
        """A worker is no longer there; the group notices when its session is over."""
        self.group.gone(process)

    # -- the run -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """From start to verdict."""
        group = asyncio.create_task(self.group.run())
        for _ in range(self.random.randint(1, WORKERS)):
            self._start()
        supervisor = asyncio.create_task(self._supervise())
        feeding = asyncio.create_task(self._feed())
        self.crash, self.send_fails, self.answer_lost, self.block_lost = self._rates
        await self._trouble(self.random.uniform(0.7, 3.0))
        self._calm()
        self.redis.down = False
        for process in self.processes:
            process.resume()
        self.block_lost = self._rates[3]  # to the end, so that it is the last block now and then
        await feeding
        await self._peace()
        for task in (supervisor, group):
            task.cancel()
        for process in self.processes:
            process.crash("the end")

    def _start(self) -> None:
        self._named += 1
        process = Worker(self, f"w{self._named}")
        self.processes.append(process)
        self.group.join(process)

    async def _supervise(self) -> None:
        """Whoever has ended is started again."""
        while True:
            await asyncio.sleep(0.1 + self.random.random() * 0.3)
            ended = [process for process in self.processes if not process.alive]
            self.processes = [process for process in self.processes if process.alive]
            for _ in range(max(len(ended), not self.processes)):
                self._start()

    async def _feed(self) -> None:
        together = self.random.choice((1, 1, 10, 1_000))  # steadily, in bursts, or all at once
        for at, (record, number) in enumerate(self.fed.records, 1):
            self.broker.produce((record.topic, number), record.key, record.value)
            if at % together == 0:
                await asyncio.sleep(self.random.expovariate(20 / together))

    async def _trouble(self, for_s: float) -> None:
        faults = [
            self._kill,
            self._pause,
            self._leave,
            self._join,
            self._shuffle,
            self._redis_down,
            self._redis_lost,
            self._save,
        ]
        chosen = self.random.sample(faults, self.random.randint(0, len(faults)))
        self.stopping = self._pause in chosen
        end_s = asyncio.get_running_loop().time() + for_s
        while asyncio.get_running_loop().time() < end_s:
            await asyncio.sleep(self.random.expovariate(5))
            if chosen:
                self.random.choice(chosen)()

    def _one(self) -> Worker | None:
        return self.random.choice(self.processes) if self.processes else None

    def _kill(self) -> None:
        if process := self._one():
            process.crash("kill -9")

    def _pause(self) -> None:
        if process := self._one():
            self.stop_for_a_while(process)

    def stop_for_a_while(self, process: Worker) -> None:
        """As by SIGSTOP and, perhaps long after its session is over, SIGCONT."""
        self.say(f"{process.name} is stopped")
        process.pause()
        self.group.watch(process)
        asyncio.get_running_loop().call_later(self.random.uniform(0.1, 4.0), process.resume)

    def reading_rows(self) -> None:
        """A take-over reads rows: the worst moment for those it replaces to wake."""
        if self.random.random() < 0.7:
            for process in self.processes:
                process.resume()

    def given(self, process: Worker) -> None:
        """A process was given partitions: a bad moment to be stopped."""
        if self.stopping and self.random.random() < 0.1:
            self.stop_for_a_while(process)

    def _leave(self) -> None:
        if process := self._one():
            self.say(f"{process.name} is told to end")
            process.spawn(self._end(process))

    async def _end(self, process: Worker) -> None:
        await process.step("lets go to end")
        await process.partitions.let_go()
        self.group.leave(process)
        process.crash("has ended in order")

    def _join(self) -> None:
        if len(self.processes) < WORKERS:
            self._start()

    def _shuffle(self) -> None:
        self.group.rebalance()

    def _redis_down(self) -> None:
        self.say("redis is down")
        self.redis.down = True

        def up() -> None:
            self.redis.down = False

        asyncio.get_running_loop().call_later(self.random.uniform(0.1, 3.0), up)

    def _save(self) -> None:
        self.redis.save()

    def _redis_lost(self) -> None:
        if self.random.random() < 0.5:
            self.say("redis is flushed")
            self.redis.flush()
        else:
            self.say("redis is restored from an older copy")
            self.redis.restore()

    async def _peace(self) -> None:
        """Until nothing has moved for a while."""
        loop, before, since_s = asyncio.get_running_loop(), None, 0.0
        end_s = loop.time() + PATIENCE_S
        while loop.time() < end_s:
            await asyncio.sleep(0.1)
            now = self._moved()
            if now != before:
                before, since_s = now, loop.time()
            elif loop.time() - since_s > SETTLED_S and self._calm_now():
                return
        self.wrong.append(f"it did not come to rest in {PATIENCE_S:.0f} s")

    def _loops(self) -> list[Loop]:
        return [loop for process in self.processes if process.alive for loop in process.partitions.loops.values()]

    def _moved(self) -> object:
        """What stays the same once all is done."""
        return [sum(loop.intake.positions.values()) for loop in self._loops()], dict(self.redis.shown.records)

    def _calm_now(self) -> bool:
        """Is everyone there, and nothing waiting anywhere?"""
        loops = self._loops()
        waiting = any(one.intake.pending or one.intake.turns.at_hand() or one.intake.turns.unfetched() for one in loops)
        shown = all(one.view_caught_up for one in loops)
        everyone = self.group.settled and len(loops) == self.settings.partitions
        return everyone and shown and not waiting and not any(self._on_its_way())

    def _on_its_way(self) -> Iterator[bool]:
        """Blocks handed out and not yet folded: one that is lost has to be noticed."""
        for process in self.processes:
            for number, loop in process.partitions.loops.items():
                for topic, at in loop.intake.positions.items():
                    yield process.ports.handed((topic, number)) > at
