"""The systems that `clout bench compare` runs: how each is started, what it guarantees, and what it stands on."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agents.proof.bench.servers import ROOT
from streams.errors import DependencyDown

PEERS = ROOT / "deploy" / "peers"
_ENOUGH_HEAP = ("-XX:+UseParallelGC", "-Xms1g", "-Xmx2g", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
_FLINK_ON_JAVA_17 = ("--add-opens=java.base/java.lang=ALL-UNNAMED", "--add-opens=java.base/java.util=ALL-UNNAMED")


@dataclass(frozen=True)
class System:
    """One system under test. `argv` may hold `{build}`, the folder that deploy/peers/prepare fills."""

    name: str
    label: str
    guarantee: str
    note: str
    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False  #: gets as many events as fill a minute
    scores: bool = True  #: does it score, or only read?
    model: str = ""  #: Clout itself, with this model


def _java(folder: str, main: str, *flags: str) -> tuple[str, ...]:
    return ("java", *_ENOUGH_HEAP, *flags, "-cp", f"{{build}}/{folder}/classes:{{build}}/{folder}/jars/*", main)


def _python(app: str) -> tuple[str, ...]:
    return "{build}/venv/bin/python", str(PEERS / app / "app.py")


_STREAMS = _java("kafka-streams", "KafkaStreamsPeer")
_FLINK = _java("flink", "FlinkPeer", *_FLINK_ON_JAVA_17)
_EXACTLY = {"CLOUT_PEER_GUARANTEE": "exactly-once"}

ALL: dict[str, System] = {
    system.name: system
    for system in (
        System(
            "clout",
            "Clout",
            "exactly once",
            "default model; also Redis, repeats, undo, standing, novelty, reach, parts, alerts; one process",
            model="clout-1",
        ),
        System(
            "clout-plain",
            "Clout",
            "exactly once",
            "model `plain`: the job of the others; also Redis and the rest of Clout; one process",
            model="plain",
        ),
        System(
            "faust",
            "plain Faust",
            "at least once",
            "table in memory with a changelog",
            (sys.executable, "-m", "agents.proof.bench.plain_faust"),
            slow=True,
        ),
        System(
            "quix",
            "Quix Streams",
            "at least once",
            "RocksDB with a changelog; publishes every change",
            _python("quix"),
            slow=True,
        ),
        System(
            "quix-exactly",
            "Quix Streams",
            "exactly once",
            "RocksDB with a changelog, a transaction a second; publishes every change",
            _python("quix"),
            _EXACTLY,
            slow=True,
        ),
        System(
            "kafka-streams",
            "Kafka Streams",
            "at least once",
            "in-memory store, cache and changelog; thread a core",
            _STREAMS,
        ),
        System(
            "kafka-streams-exactly",
            "Kafka Streams",
            "exactly once",
            "in-memory store, cache and changelog, a transaction a second; thread a core",
            _STREAMS,
            _EXACTLY,
        ),
        System(
            "flink",
            "Apache Flink",
            "state exactly, scores at least once",
            "heap state, checkpoint each 10 s; re-keys in memory, not through a topic",
            _FLINK,
        ),
        System(
            "flink-exactly",
            "Apache Flink",
            "exactly once",
            "heap state, checkpoint and transaction a second; re-keys in memory",
            _FLINK,
            _EXACTLY,
        ),
        System(
            "limit",
            "read and decode only",
            "-",
            "confluent-kafka and msgspec, no job done",
            _python("limit"),
            scores=False,
        ),
    )
}

#: those without their dearer variants
#: the others run when they are named: they cost minutes and differ little from what they are variants of
USUAL = tuple(name for name in ALL if not name.endswith(("-exactly", "-plain")))


def several(processes: int) -> System:
    """Clout as `clout worker --processes` runs it, measured as others are: the CPU of all its processes, from log and `scores`."""
    argv = (sys.executable, "-m", "agents.cli.main", "worker", "--processes", str(processes))
    return System(f"clout-{processes}", f"Clout, {processes} processes", "exactly once", "", argv)


def prepare() -> Path:
    """What the peers run on, made if it is missing; returns its folder. Raises DependencyDown."""
    script = PEERS / "prepare"
    if not script.is_file():
        raise DependencyDown(f"no {script}: the peers are not installed with Clout, run from a checkout of the project")
    made = subprocess.run([script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        raise DependencyDown("the peers could not be prepared, see above; or leave them out with --only")
    return Path(made.stdout.strip())


def versions(build: Path) -> dict[str, str]:
    """Versions of the peers, from the files they run on."""
    known = {}
    for name, folder, jar in (("Kafka Streams", "kafka-streams", "kafka-streams"), ("Flink", "flink", "flink-runtime")):
        for path in (build / folder / "jars").glob(f"{jar}-[0-9]*.jar"):
            known[name] = path.stem.removeprefix(f"{jar}-")
    lock = (PEERS / "requirements.lock").read_text(encoding="utf-8")
    return known | dict(re.findall(r"^(quixstreams|confluent-kafka)==(\S+)", lock, re.MULTILINE))
