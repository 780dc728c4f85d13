"""The kinds of faults. Each is a generator: it does something, yields how many seconds to wait, and ends with everything up.

Faults of different lanes overlap, those of one lane follow each other: so two workers can be in trouble while a broker is
down and Redis is empty, but never two brokers at once, which would stop everything and prove nothing.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Iterator
from random import Random
from typing import NamedTuple

from agents.local.embedded import ChildFailed
from agents.proof.chaos.crew import Worker
from agents.proof.chaos.stage import Stage
from streams.errors import UsageError

Steps = Iterator[float]

_POLL_S = 0.1
_GRACE_S = 30.0  # after SIGTERM, before SIGKILL: what Kubernetes gives
_START_S = 90.0  # a broker, back in all its replicas


class Fault(NamedTuple):
    """A kind of fault."""

    kind: str
    lane: str
    weight: int  #: how often, beside the others of its lane
    possible: Callable[[Stage], bool]  #: now?
    steps: Callable[[Stage, Random], Steps]


def _until(true: Callable[[], bool], patience_s: float, poll_s: float = _POLL_S) -> Iterator[float]:
    """Wait until it is true, or patience is over."""
    waited_s = 0.0
    while not true() and waited_s < patience_s:
        yield poll_s
        waited_s += poll_s


# -- workers -----------------------------------------------------------------------------------------------------------


def _one(stage: Stage, rng: Random) -> Worker:
    """A worker at work, one that holds partitions if there is any."""
    holding = [worker for worker in stage.crew.at_work if worker.holds]
    return rng.choice(holding or stage.crew.at_work)


def _terminate(stage: Stage, worker: Worker) -> Steps:
    worker.busy, worker.wanted = True, False
    worker.signal(signal.SIGTERM)
    yield from _until(lambda: not worker.runs, _GRACE_S)
    if worker.runs:
        stage.tell(f"{worker} did not end within {_GRACE_S:.0f} s of SIGTERM: kill -9")
        stage.overdue += 1
        worker.signal(signal.SIGKILL)
    code, why = worker.reap()
    worker.busy = False
    if code:
        stage.tell(f"{worker} ended after SIGTERM with code {code}: {why}")


def kill(stage: Stage, rng: Random) -> Steps:
    """kill -9 of a worker and a restart."""
    worker, down_s = _one(stage, rng), rng.choice((0.0, rng.uniform(0.0, 3.0), rng.uniform(3.0, 9.0)))
    stage.tell(f"kill -9 {worker}, down {down_s:.1f} s")
    worker.busy, worker.wanted = True, False
    worker.signal(signal.SIGKILL)
    worker.reap()
    yield down_s
    worker.busy = False
    worker.start()


def pause(stage: Stage, rng: Random) -> Steps:
    """SIGSTOP of a worker for longer than its session, then SIGCONT: it wakes up as if nothing had happened."""
    worker, asleep_s = _one(stage, rng), stage.settings.session_timeout_s + rng.uniform(1.0, 5.0)
    stage.tell(f"SIGSTOP {worker} for {asleep_s:.1f} s")
    worker.busy = True
    worker.signal(signal.SIGSTOP)
    yield asleep_s
    stage.tell(f"SIGCONT {worker}")
    worker.signal(signal.SIGCONT)
    worker.busy = False


def terminate(stage: Stage, rng: Random) -> Steps:
    """SIGTERM and a restart: how an upgrade rolls through."""
    worker = _one(stage, rng)
    stage.tell(f"SIGTERM {worker}, then a restart")
    yield from _terminate(stage, worker)
    worker.start()


def join(stage: Stage, rng: Random) -> Steps:
    """One worker more."""
    worker = rng.choice(stage.crew.empty)
    stage.tell(f"{worker} joins")
    worker.start()
    yield 0.0


def leave(stage: Stage, rng: Random) -> Steps:
    """One worker less, in order."""
    worker = _one(stage, rng)
    stage.tell(f"{worker} leaves")
    yield from _terminate(stage, worker)


# -- brokers -----------------------------------------------------------------------------------------------------------


def _back(stage: Stage, node: int, down_s: float) -> Steps:
    """Start a broker again, and wait until all replicas are: only then may the next one go."""
    yield down_s
    stage.cluster.start(node, wait=False)
    yield from _until(lambda: stage.cluster.answers(node), _START_S)
    yield from _until(stage.in_sync, _START_S, poll_s=1.0)  # takes a new connection each time
    if not stage.in_sync():
        raise ChildFailed(f"broker {node} did not come back within {2 * _START_S:.0f} s, see {stage.cluster.log(node)}")
    stage.tell(f"broker {node} is back")


def broker_stop(stage: Stage, rng: Random) -> Steps:
    """SIGTERM of a broker and a start."""
    node, down_s = rng.randint(1, stage.cluster.brokers), rng.uniform(0.0, 6.0)
    stage.tell(f"SIGTERM broker {node}, down {down_s:.1f} s")
    stage.cluster.signal(node, signal.SIGTERM)
    yield from _until(lambda: not stage.cluster.runs(node), _GRACE_S)
    stage.cluster.stop(node)
    yield from _back(stage, node, down_s)


def leader_kill(stage: Stage, rng: Random) -> Steps:
    """kill -9 of the broker that leads a partition, and a start."""
    topic, number = rng.choice(stage.led), rng.randrange(stage.settings.partitions)
    node, down_s = stage.leader(topic, number), rng.uniform(0.0, 6.0)
    stage.tell(f"kill -9 broker {node}, leader of {topic}[{number}], down {down_s:.1f} s")
    stage.cluster.stop(node)
    yield from _back(stage, node, down_s)


# -- Redis -------------------------------------------------------------------------------------------------------------


def redis_freeze(stage: Stage, rng: Random) -> Steps:
    """Redis answers nothing for some seconds: shorter or longer than its clients wait."""
    frozen_s = rng.uniform(1.0, 9.0)
    stage.tell(f"SIGSTOP Redis for {frozen_s:.1f} s")
    stage.store.freeze()
    yield frozen_s
    stage.store.thaw()


def redis_flush(stage: Stage, rng: Random) -> Steps:  # noqa: ARG001 - as all faults
    """FLUSHALL under everybody's hands."""
    stage.tell("FLUSHALL" if stage.store.flush() else "FLUSHALL: Redis did not answer")
    yield 0.0


def redis_restart(stage: Stage, rng: Random) -> Steps:
    """kill -9 of Redis; it comes back empty."""
    down_s = rng.uniform(0.0, 6.0)
    stage.tell(f"kill -9 Redis, down {down_s:.1f} s, back empty")
    stage.store.kill()
    yield down_s
    stage.store.start()


def _somebody(stage: Stage) -> bool:
    return bool(stage.crew.at_work)


def _several(stage: Stage) -> bool:
    return len(stage.crew.at_work) > 1


def _room(stage: Stage) -> bool:
    return bool(stage.crew.empty)


def _always(stage: Stage) -> bool:  # noqa: ARG001 - as the others
    return True


KINDS: tuple[Fault, ...] = (
    Fault("kill", "workers", 4, _somebody, kill),
    Fault("terminate", "workers", 1, _somebody, terminate),
    Fault("join", "workers", 1, _room, join),
    Fault("leave", "workers", 1, _several, leave),
    Fault("pause", "pauses", 1, _somebody, pause),
    Fault("broker_stop", "brokers", 1, _always, broker_stop),
    Fault("leader_kill", "brokers", 1, _always, leader_kill),
    Fault("redis_freeze", "redis", 1, _always, redis_freeze),
    Fault("redis_flush", "redis", 1, _always, redis_flush),
    Fault("redis_restart", "redis", 1, _always, redis_restart),
)
#: how long a lane rests between two faults, seconds. Brokers longest: while one is away most of the others prove little
RESTS_S: dict[str, tuple[float, float]] = {
    "workers": (2.0, 8.0),
    "pauses": (4.0, 16.0),
    "brokers": (10.0, 40.0),
    "redis": (3.0, 15.0),
}


def kinds(workers: int, only: Collection[str] = ()) -> tuple[Fault, ...]:
    """Those wished, or all, that can happen with so many workers at most. Raises UsageError when that is none."""
    possible = {fault.kind: fault for fault in KINDS if workers > 1 or fault.kind not in {"join", "leave"}}
    if unknown := set(only) - possible.keys():
        raise UsageError(
            f"no fault {', '.join(sorted(unknown))} with {workers} workers; there are {', '.join(possible)}"
        )
    return tuple(fault for kind, fault in possible.items() if kind in only or not only)
