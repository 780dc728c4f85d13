"""`clout bench recovery`: rows written to `state` as a worker writes them, read back by a fresh process as a take-over does."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from agents.proof.bench.machine import machine, peak_rss_mb, require_linux, versions
from agents.proof.bench.preload import Progress
from agents.proof.bench.servers import ROOT, names, servers
from agents.proof.bench.show import Show
from agents.worker import steps
from streams.broker.publisher import TransactionalPublisher, transactional_producer
from streams.broker.recovery import recover
from streams.errors import CloutError
from streams.events import KINDS
from streams.formats import state
from streams.model.table import Table
from streams.model.versions import model
from streams.offline import Core
from streams.partition.intake import Intake
from streams.partitioner import partition_of
from streams.settings import Settings, variable_of
from streams.topics import STATE

VERSIONS = 5  #: how often each user is written when nothing else is asked for
_NETWORK = "bench"
_INTERVAL_USERS = 5_000  # changed in one interval, as in a busy worker's
_T0, _APART_MS = 1_767_225_600_000, 3_600_000
_NO_REDIS = "redis://127.0.0.1:1/0"  # nobody asks it anything


def recovery(users: int, kept: int, show: Show, kafka: str | None = None) -> dict[str, Any]:
    """Write `kept` versions of each user, recover them in a fresh process. Raises CloutError if it finds other users."""
    require_linux()
    about = {"machine": machine(), "versions": versions()}
    with servers(kafka, _NO_REDIS, show.say) as running, names(running) as settings:
        with show.bar(f"writing {users:,} users {kept} times", users * kept) as bar:
            asyncio.run(fill(settings, users, kept, bar))
        show.say("recovering")
        recovered = _in_a_fresh_process(settings)
    if recovered["users"] != users:
        raise CloutError(f"{users:,} users were written and {recovered['users']:,} recovered")
    return {"versions_of_a_user": kept, **recovered, **about}


async def fill(settings: Settings, users: int, kept: int, written: Progress) -> None:
    """`kept` times: everyone acts on the next in line and is acted on by the one before, an interval at a time."""
    everyone: list[list[str]] = [[] for _ in range(settings.partitions)]
    for number in range(users):
        name = f"user-{number:08d}"
        everyone[partition_of(f"{_NETWORK}:{name}", settings.partitions)].append(name)
    for partition, ours in enumerate(everyone):
        producer = transactional_producer(settings, f"{settings.app}-{partition}")
        publisher = TransactionalPublisher(producer, settings.app)
        await publisher.start()
        try:
            intake = Intake(Table(model(settings.model)), partition, settings.partitions)
            for version in range(kept):
                for start in range(0, len(ours), _INTERVAL_USERS):
                    some = ours[start : start + _INTERVAL_USERS]
                    _live(intake.table, some, version)
                    await _commit(intake, publisher, settings.topic(STATE.name))
                    written(len(some))
        finally:
            await publisher.stop()


def _live(table: Table, some: Sequence[str], version: int) -> None:
    ts, kind = _T0 + version * _APART_MS, version % len(KINDS)
    events = [
        orjson.dumps({"id": f"{name}-{version}", "network": _NETWORK, "actor": name, "target": target, "ts": ts})
        for name, target in zip(some, [*some[1:], some[0]], strict=True)
    ]
    Core().fold(table, events, [kind] * len(events), ts)


async def _commit(intake: Intake, publisher: TransactionalPublisher, topic: str) -> None:
    cut, lives = intake.cut(), intake.table.model.half_lives_ms
    header = state.Header(
        generation=1,
        version=1 << 32,
        now_ms=cut.now_ms,
        positions={},
        clock=cut.clock,
        day=0,
        half_lives_ms=lives,
        counts=cut.counts,
    )
    await publisher.begin()
    await publisher.send(topic, intake.number, state.records(cut, lives))
    await publisher.send(topic, intake.number, [state.header_record(header)])
    await publisher.commit({})


def _in_a_fresh_process(settings: Settings) -> dict[str, Any]:
    code = "import sys; from agents.proof.bench.recovery import measure; measure(*sys.argv[1:])"
    given = [settings.topic(STATE.name), str(settings.partitions), settings.model]
    ours = {variable_of(name): str(getattr(settings, name)) for name in Settings.__dataclass_fields__}
    env = {**os.environ, **ours, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}
    done = subprocess.run([sys.executable, "-c", code, *given], capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise CloutError(f"the recovering process failed: {done.stderr.strip()[-1500:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def measure(topic: str, partitions: str, model_name: str) -> None:
    """Recover all partitions and print what it took as one JSON object. Imports, kernels and the process' start do not count."""
    steps.batches(), steps.rows_of_state()
    read = 0

    def told(progress: Any) -> None:
        nonlocal read
        read = progress.records

    before_bytes, began_s, began_cpu_s = _rss_bytes(), time.monotonic(), time.process_time()
    recovered = asyncio.run(recover(Settings.load(), topic, range(int(partitions)), model(model_name), told))
    seconds, cpu_s = time.monotonic() - began_s, time.process_time() - began_cpu_s
    users = sum(len(one.table) for one in recovered.values())
    result = {
        "users": users,
        "records": read,
        "seconds": round(seconds, 3),
        "cpu_s": round(cpu_s, 3),
        "records_per_s": round(read / seconds),
        "records_per_cpu_s": round(read / cpu_s),
        "cpu_us_per_record": round(cpu_s / read * 1e6, 2),
        "bytes_per_user": round((_rss_bytes() - before_bytes) / max(users, 1)),
        "peak_rss_mb": round(peak_rss_mb(os.getpid()), 1),
    }
    sys.stdout.write(json.dumps(result))


def _rss_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
