"""Each way in which input or rows can be lost behind a worker's back ends it, with what happened and what to do."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import pytest
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient

from agents.local.embedded import Process, child
from streams.broker.admin import Admin
from streams.sources import Produced
from tests.integration.compare import difference, expected
from tests.integration.stack import Stack
from tests.integration.test_restart import history, until

_LOOKS_OFTEN = (
    "from streams.partition import partitions; partitions.LOOK_S = 0.5; from agents.cli.main import main; main()"
)
LOOKS_OFTEN = (sys.executable, "-c", _LOOKS_OFTEN, "worker")
EVENTS = [event for event in history(4_000, seed=31) if event.topic == "likes"][:1_000]


@pytest.fixture
def clout(stack: Callable[..., Stack]) -> Stack:
    """One partition, a session that outlasts a pause, and a name, so that nobody waits for the session of the one before."""
    return stack(partitions=1, model="plain", clock="stream", session_timeout_s=20, name="one")


@contextlib.contextmanager
def asking(clout: Stack) -> Iterator[KafkaAdminClient]:
    """An admin client."""
    client = KafkaAdminClient(bootstrap_servers=clout.settings.kafka.split(","))
    try:
        yield client
    finally:
        client.close()


def make_anew(clout: Stack, name: str) -> None:
    """Delete a topic and create it again, as an operator would."""
    with asking(clout) as client:
        client.delete_topics([clout.settings.topic(name)])
        while clout.settings.topic(name) in client.list_topics():
            time.sleep(0.05)
    with Admin(clout.settings) as admin:
        admin.create()


def delete_records(clout: Stack, name: str, before: int) -> None:
    """What retention does."""
    with asking(clout) as client:
        client.delete_records({TopicPartition(clout.settings.topic(name), 0): before})


def read_some(clout: Stack, events: Sequence[Produced] = EVENTS[:200]) -> None:
    """These likes are added, and a worker reads until there are 200, and ends in order."""
    with clout.worker():
        clout.feed(events)
        clout.settled(200)


def committed(clout: Stack) -> int:
    """How many likes were read, as the group has it."""
    app, likes = clout.settings.app, clout.settings.topic("likes")
    with asking(clout) as client:
        offsets = client.list_group_offsets([app])[app]
    return sum(max(at.offset, 0) for partition, at in offsets.items() if partition.topic == likes)


@contextlib.contextmanager
def stopped(worker: Process) -> Iterator[None]:
    """The process sleeps; what its client had asked for has been answered."""
    worker.send_signal(signal.SIGSTOP)
    time.sleep(1.0)
    yield
    worker.send_signal(signal.SIGCONT)


def ended(worker: Process) -> str:
    """What a worker said that ends with exit code 1."""
    code, said = worker.wait(60), worker.log.read_text()  # type: ignore[attr-defined]
    assert code == 1, said[-4000:]
    return said[said.index("clout worker ends: ") :]


# -- while no worker runs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("new", [0, 600])
def test_a_source_made_anew(clout: Stack, new: int) -> None:
    """Its log is shorter than the position, or longer: then only the id tells."""
    read_some(clout)
    make_anew(clout, "likes")
    clout.feed(EVENTS[:new])
    said = clout.refused()
    assert f"{clout.settings.topic('likes')}[0]: the topic was deleted and made again" in said
    assert f"delete the topics {clout.settings.topic('state')}, " in said


def test_what_to_do_is_right(stack: Callable[..., Stack]) -> None:
    """Who does what the message says counts the events that are left, each of them once."""
    clout = stack(partitions=1, model="plain", clock="stream")
    clout.feed(EVENTS[:100])
    read_some(clout, EVENTS[100:200])
    delete_records(clout, "likes", 100)
    make_anew(clout, "state")
    said = clout.refused()
    with asking(clout) as client, Admin(clout.settings) as admin:
        until(lambda: admin.members() == 0)  # Kafka keeps who was killed until its session is over
        client.delete_groups([clout.settings.app])
    for topic in ("state", "engagements", "strays"):
        assert clout.settings.topic(topic) in said
        make_anew(clout, topic)
    with clout.worker():
        as_of_ms = max(event.ts for event in EVENTS[:200]) + 1_000
        wanted = expected(EVENTS[100:200], "plain", as_of_ms)

        def right() -> bool:
            found = difference(clout, wanted, as_of_ms)
            return found.engagements == found.actions == found.actors == 0

        until(right)


def test_state_deleted(clout: Stack) -> None:
    """Rows are gone, the group's offsets are not: nobody begins with empty rows in the middle of the input."""
    read_some(clout)
    make_anew(clout, "state")
    said = clout.refused()
    assert f"the group {clout.settings.app} has read up to" in said
    assert f"{clout.settings.topic('state')}[0] keeps no rows: the topic was deleted or emptied" in said
    assert "clout state import" in said


def test_retention_was_faster(clout: Stack) -> None:
    """The next record to read was deleted while the worker was down."""
    read_some(clout)
    clout.feed(EVENTS[200:300])
    delete_records(clout, "likes", 250)
    said = clout.refused()
    assert f"{clout.settings.topic('likes')}[0]: the next record to read is 200, and retention has deleted" in said
    assert "keep the topic longer than a worker may be down" in said


# -- while one runs ----------------------------------------------------------------------------------------------------


def test_retention_was_faster_than_a_worker(clout: Stack) -> None:
    """The next record to read was deleted while the worker slept; its client would go on at the new start."""
    with clout.worker() as worker:
        clout.feed(EVENTS[:200])
        clout.settled(200)
        until(lambda: committed(clout) == 200)  # Redis shows an interval before it is committed
        with stopped(worker):
            clout.feed(EVENTS[200:300])
            delete_records(clout, "likes", 250)
        said = ended(worker)
    assert f"{clout.settings.topic('likes')}[0]: " in said
    assert "retention" in said
    assert "the next record to read is 200" in clout.refused()


@pytest.mark.parametrize("name", ["likes", "state"])
def test_a_topic_made_anew_under_a_worker(clout: Stack, name: str) -> None:
    """Its id changes under the worker, which ends within a look, or with its next commit; so does each one started after it."""
    with clout.worker(argv=LOOKS_OFTEN) as worker:
        clout.feed(EVENTS[:200])
        clout.settled(200)
        until(lambda: committed(clout) == 200)  # Redis shows an interval before it is committed
        with stopped(worker):
            make_anew(clout, name)
            clout.feed(EVENTS[200:900])  # more than the old log had
        said = ended(worker)
    full = f"{clout.settings.topic(name)}[0]"
    wanted = [f"{full}: the topic was deleted and made again"]
    if name == "state":  # what the broker says to its next commit can be sooner
        wanted.append("no longer has what this worker wrote")
    assert any(text in said for text in wanted), said
    assert full in clout.refused()


_FOREIGN = """
import sys, faust
broker, group, topic = sys.argv[1:]
app = faust.App(group, broker=f"aiokafka://{broker}", table_standby_replicas=1, topic_disable_leader=True,
                topic_allow_declare=False, web_enabled=False, broker_session_timeout=20, canonical_url="http://clout")
app.assignor.replicas = 0
@app.agent(app.topic(topic, value_serializer="raw"))
async def read(stream):
    async for _ in stream: pass
faust.Worker(app, loglevel="info").execute_from_commandline()
"""


def test_a_number_torn_apart(stack: Callable[..., Stack]) -> None:
    """Another Faust program of the same group reads one of the topics: the group splits it, and the worker ends."""
    clout = stack(partitions=2, session_timeout_s=20)
    settings, log = clout.settings, clout.folder / "foreign.log"
    foreign = [sys.executable, "-c", _FOREIGN, settings.kafka, settings.app, settings.topic("likes")]
    with clout.worker() as worker, child(foreign, log=log):
        said = ended(worker)
    assert "the group gave this worker different partition numbers of different topics" in said
    assert f"{settings.topic('likes')}: [" in said
    assert "set another CLOUT_APP" in said
