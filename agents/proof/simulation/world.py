"""One run: input, workers, faults by a seed, then peace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from agents.proof.simulation import silence
from agents.proof.simulation.faults import Faults
from agents.proof.simulation.group import Group
from agents.proof.simulation.models import OTHER
from agents.proof.simulation.rules import Said
from agents.proof.simulation.worker import Worker
from streams.formats.lines import SECTION
from streams.partition.loop import Loop
from streams.topics import CONTROLS, ENGAGEMENTS

SETTLED_S = 1.8  # longer than an idle look, so that whatever is still to be noticed is
PATIENCE_S = 240.0
WORKERS = 3


class World:
    """Everyone there is, and what becomes of them."""

    def __init__(self, faults: Faults) -> None:
        self.faults, self.group = faults, Group(faults)
        self.workers: list[Worker] = []
        self._named = 0

    async def run(self) -> None:
        """From start to rest."""
        group = asyncio.create_task(self.group.run())
        telling = asyncio.create_task(self._tell([said for said in self.faults.said if said.after_s]))
        await self._tell([said for said in self.faults.said if not said.after_s])
        for _ in range(self.faults.random.randint(1, WORKERS)):
            self._start()
        supervisor = asyncio.create_task(self._supervise())
        feeding = asyncio.create_task(self._feed())
        of_network = asyncio.create_task(silence.feed(self.faults))
        self.faults.begin()
        await self._trouble(self.faults.random.uniform(0.7, 3.0))
        self.faults.calm()
        self.faults.redis.down = False
        for worker in self.workers:
            worker.resume()
        self.faults.lose_blocks()  # to the end, so that it is the last block now and then
        await feeding
        await of_network
        await telling
        await self._peace()
        for task in (supervisor, group):
            task.cancel()
        for worker in self.workers:
            worker.crash("the end")

    def _start(self) -> None:
        self._named += 1
        worker = Worker(self.faults, f"w{self._named}", gone=self.group.gone, reading_rows=self._reading_rows)
        self.workers.append(worker)
        self.group.join(worker)

    async def _supervise(self) -> None:
        """Whoever has ended is started again."""
        while True:
            await asyncio.sleep(0.1 + self.faults.random.random() * 0.3)
            ended = [worker for worker in self.workers if not worker.alive]
            self.workers = [worker for worker in self.workers if worker.alive]
            for _ in range(max(len(ended), not self.workers)):
                self._start()

    async def _feed(self) -> None:
        together = self.faults.random.choice((1, 1, 10, 1_000))  # steadily, in bursts, or all at once
        for at, (record, number) in enumerate(list(self.faults.fed.records), 1):
            self.faults.broker.produce((record.topic, number), record.key, record.value)
            if at == self.faults.fed.first:
                await self._until_known()
            if at % together == 0:
                await asyncio.sleep(self.faults.random.expovariate(20 / together))

    async def _tell(self, policies: list[Said]) -> None:
        """Rules, as somebody says them; each worker hears of it by itself."""
        for said in policies:
            if said.after_s:
                await asyncio.sleep(said.after_s)
            self.faults.say(f"policy {said.key.decode()}: {(said.value or b'none').decode()}")
            self.faults.policies.append(said.key, said.value)
            for worker in self.workers:
                worker.ports.policies.hear()

    async def _until_known(self) -> None:
        """Until all controls that were fed are in rows that were committed."""
        broker = self.faults.broker
        ends = {place: log.end() for place, log in broker.logs.items() if place[0] == CONTROLS.name}
        end_s = asyncio.get_running_loop().time() + PATIENCE_S
        while not self.faults.wrong and any(broker.offsets.get(place, 0) < end for place, end in ends.items()):
            if asyncio.get_running_loop().time() > end_s:
                self.faults.wrong.append(f"the first controls were not taken in {PATIENCE_S:.0f} s")
                return
            await asyncio.sleep(0.05)

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
            self._old_lines,
            self._other_model,
        ]
        chosen = self.faults.random.sample(faults, self.faults.random.randint(0, len(faults)))
        self.faults.stopping = self._pause in chosen
        end_s = asyncio.get_running_loop().time() + for_s
        while asyncio.get_running_loop().time() < end_s:
            await asyncio.sleep(self.faults.random.expovariate(5))
            if chosen:
                self.faults.random.choice(chosen)()

    def _one(self) -> Worker | None:
        return self.faults.random.choice(self.workers) if self.workers else None

    def _kill(self) -> None:
        if worker := self._one():
            worker.crash("kill -9")

    def _pause(self) -> None:
        if worker := self._one():
            self.group.stop(worker)

    def _reading_rows(self) -> None:
        """A take-over reads rows: the worst moment for those it replaces to wake."""
        if self.faults.random.random() < 0.7:
            for worker in self.workers:
                worker.resume()

    def _leave(self) -> None:
        if worker := self._one():
            self.faults.say(f"{worker.name} is told to end")
            worker.spawn(self._end(worker))

    async def _end(self, worker: Worker) -> None:
        await worker.step("lets go to end")
        await worker.partitions.let_go()
        self.group.leave(worker)
        worker.crash("has ended in order")

    def _join(self) -> None:
        if len(self.workers) < WORKERS:
            self._start()

    def _shuffle(self) -> None:
        self.group.rebalance()

    def _redis_down(self) -> None:
        self.faults.say("redis is down")
        self.faults.redis.down = True

        def up() -> None:
            self.faults.redis.down = False

        asyncio.get_running_loop().call_later(self.faults.random.uniform(0.1, 3.0), up)

    def _save(self) -> None:
        self.faults.redis.save()

    def _old_lines(self) -> None:
        """What an account told its person comes again, late: as from a producer without transactions."""
        place = ENGAGEMENTS.name, self.faults.random.randrange(self.faults.settings.partitions)
        told = [one for one in self.faults.broker.logs[place].all() if SECTION.encode() in (one.value or b"")]
        if told:
            self.faults.say(f"an old line comes again to {place}")
            self.faults.broker.produce(place, None, self.faults.random.choice(told).value)

    def _other_model(self) -> None:
        """Whoever starts from now on has another model, and somebody is about to: those that run keep theirs."""
        before = self.faults.settings
        self.faults.settings = replace(before, model=OTHER.name if before.model != OTHER.name else self.faults.model)
        self.faults.say(f"from now on the model is {self.faults.settings.model}")
        self._kill()

    def _redis_lost(self) -> None:
        which = self.faults.random.random()
        of_key, of_all = self.faults.redis_loses
        if which < of_key:
            self.faults.say(f"redis loses the key {self.faults.redis.lose(self.faults.random)}")
        elif which < of_all:
            self.faults.say("redis is flushed")
            self.faults.redis.flush()
        else:
            self.faults.say("redis is restored from an older copy")
            self.faults.redis.restore()

    async def _peace(self) -> None:
        """Until nothing has moved for a while."""
        loop, before, since_s = asyncio.get_running_loop(), None, 0.0
        end_s = loop.time() + PATIENCE_S
        while loop.time() < end_s and not self.faults.wrong:  # what is wrong is found: nothing more is needed
            await asyncio.sleep(0.1)
            now = self._moved()
            if now != before:
                before, since_s = now, loop.time()
            elif loop.time() - since_s > SETTLED_S and self._calm_now():
                return
        if not self.faults.wrong:
            self.faults.wrong.append(f"it did not come to rest in {PATIENCE_S:.0f} s")

    def _loops(self) -> list[Loop]:
        return [loop for worker in self.workers if worker.alive for loop in worker.partitions.loops.values()]

    def _moved(self) -> object:
        """What stays the same once all is done."""
        loops = self._loops()
        shown = self.faults.redis.shown
        # how scores are spread is told again and again, through ENGAGEMENTS
        positions = [[at for topic, at in loop.intake.positions.items() if topic != ENGAGEMENTS.name] for loop in loops]
        return loops, positions, dict(shown.records), dict(shown.influence)

    def _calm_now(self) -> bool:
        """Is everyone there, and nothing waiting anywhere?"""
        loops = self._loops()
        waiting = any(one.intake.pending or one.intake.turns.at_hand() or one.intake.turns.unfetched() for one in loops)
        shown = all(one.view_caught_up for one in loops)
        everyone = self.group.settled and len(loops) == self.faults.settings.partitions
        book = self.faults.book()
        told = all(worker.ports.book() == book for worker in self.workers if worker.alive)
        return everyone and shown and told and not waiting and not any(self._on_its_way())

    def _on_its_way(self) -> Iterator[bool]:
        """Blocks handed out and not yet folded: one that is lost has to be noticed."""
        for worker in self.workers:
            for number, loop in worker.partitions.loops.items():
                for topic, at in loop.intake.positions.items():
                    yield worker.ports.handed((topic, number)) > at
