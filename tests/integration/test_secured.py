"""On a Kafka with TLS, logins and ACLs and a Redis with TLS and an ACL user: everything works with the least rights, and what
is missing or wrong is said by its name."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from click.testing import CliRunner

from agents.admin import reject_log
from agents.api.serve import serving as served
from agents.cli.main import cli, expected, explained
from agents.feeds.feeder import Feeder
from agents.local.embedded import child
from streams.broker.admin import Admin
from streams.broker.allowed import check_rights, lacking
from streams.broker.diagnosis import down
from streams.broker.publisher import plain_producer
from streams.broker.recovery import last_values
from streams.errors import DependencyDown, NotAllowed
from streams.partitioner import partition_of
from streams.rights import CREATE, DESCRIBE, GROUP, READ, TOPIC, WRITE, Right, least
from streams.scoreboard.connect import connect
from streams.settings import Settings, variable_of
from streams.sources import Produced
from streams.topics import ALERTS, ALL, RECEIVED, REJECTS, SCORES, STATE
from tests.alerting.receiver import receiving
from tests.alerts import told
from tests.certificates import Authority
from tests.feeds.jetstream import Instance, messages, serving_apart
from tests.scoreboard.servers import Server, serving
from tests.secured import PASSWORD, Secured, secured
from tests.servers import ROOT

PATIENCE_S = 60.0
USERS = {"worker": "ann", "feed": "bob", "reader": "cay", "operator": "dan", "alerting": "eve", "api": "fay", "source": "gil"}
NO_LOGIN = {"kafka_user": "", "kafka_password_file": ""}
TLS, PLAIN = NO_LOGIN | {"kafka_security": "SSL"}, NO_LOGIN | {"kafka_security": "PLAINTEXT", "kafka_ca": ""}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The one Kafka of this module."""
    with secured(tmp_path_factory.mktemp("secured")) as running:
        Authority(running.folder / "stranger").issue("ann")
        yield running


@pytest.fixture(scope="module")
def redis(kafka: Secured) -> Iterator[Server]:
    """A Redis that takes TLS only, and no user but those of deploy/README.md."""
    authority = kafka.folder / "authority"
    readme = (ROOT / "deploy" / "README.md").read_text().splitlines()
    lines = [line for line in readme if line.startswith("user ") and " on " in line]
    assert [line.split()[1] for line in lines] == ["worker", "alerting", "source", "reader"]
    acl = kafka.folder / "users.acl"
    acl.write_text("\n".join(["user default off", *(line.replace("PASSWORD", PASSWORD) for line in lines)]) + "\n")
    tls = ["--tls-cert-file", f"{authority / 'broker.crt'}", "--tls-key-file", f"{authority / 'broker.key'}"]
    options = ["--port", "0", "--tls-port", "PORT", *tls, "--tls-auth-clients", "no", "--aclfile", f"{acl}"]
    with serving("redis", kafka.folder, *options) as server:
        yield server


def as_(kafka: Secured, role: str, prefix: str, **own: Any) -> Settings:
    """Settings of the user who has this role."""
    names = {"app": f"{prefix}app", "topic_prefix": prefix, "partitions": 2, "session_timeout_s": 6}
    return kafka.settings(kafka_user=USERS[role], **(names | own))


def with_redis(settings: Settings, redis: Server, user: str) -> Settings:
    """The same with a Redis user whose password is in a file."""
    ca = Path(settings.kafka_ca)
    url = f"rediss://{user}@127.0.0.1:{redis.port}/0?ssl_ca_certs={ca}"
    return replace(settings, redis=url, redis_password_file=settings.kafka_password_file)


def environ(settings: Settings) -> dict[str, str]:
    """Settings as variables of a child."""
    ours = {variable_of(name): str(getattr(settings, name)) for name in Settings.__dataclass_fields__}
    return {k: v for k, v in os.environ.items() if not k.startswith("CLOUT_")} | ours


def clout(settings: Settings, *words: str, code: int = 0) -> str:
    """What the command prints, both streams."""
    done = CliRunner().invoke(cli, list(words), env=environ(settings))
    assert done.exit_code == code, done.output
    assert PASSWORD not in done.output
    return done.output


def until(true: Any, what: str | Path) -> Any:
    """Waits for it; returns what it gave. `what` says what did not come, or is a log that does."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := true()):
        assert time.monotonic() < deadline, what if isinstance(what, str) else what.read_text()
        time.sleep(0.02)
    return found


WRONG: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "a TLS port as a plain one": ("TLS", PLAIN, ("speaks TLS", "CLOUT_KAFKA_SECURITY=SSL,")),
    "a TLS port with a login as a plain one": ("SECURE", PLAIN, ("speaks TLS", "CLOUT_KAFKA_SECURITY=SASL_SSL")),
    "a TLS port that wants certificates as a plain one": ("MUTUAL", PLAIN, ("speaks TLS",)),
    "a plain port as TLS": ("CLIENT", TLS, ("speaks no TLS", "CLOUT_KAFKA_SECURITY=PLAINTEXT")),
    "a plain port with a login as TLS": ("LOGIN", TLS, ("speaks no TLS", "CLOUT_KAFKA_SECURITY=SASL_PLAINTEXT")),
    "no login where one is wanted": ("LOGIN", PLAIN, ("wants a login (SCRAM-SHA-512)", "=SASL_PLAINTEXT")),
    "no login where one is wanted, with TLS": ("SECURE", TLS, ("wants a login", "CLOUT_KAFKA_SECURITY=SASL_SSL")),
    "a login where there is none": ("TLS", {}, ("has no login", "CLOUT_KAFKA_SECURITY=SSL")),
    "a wrong password": (
        "SECURE",
        {"kafka_password_file": "", "kafka_password": "wrong"},
        ("refuses the user ann or the password", "CLOUT_KAFKA_PASSWORD"),
    ),
    "a wrong password, PLAIN": (
        "SECURE",
        {"kafka_password_file": "", "kafka_password": "wrong", "kafka_mechanism": "PLAIN"},
        ("refuses the user ann or the password",),
    ),
    "an unknown user": ("SECURE", {"kafka_user": "zoe"}, ("refuses the user zoe", "CLOUT_KAFKA_PASSWORD_FILE")),
    "a wrong mechanism": (
        "LOGIN",
        {"kafka_security": "SASL_PLAINTEXT", "kafka_ca": "", "kafka_mechanism": "PLAIN"},
        ("knows no login PLAIN", "CLOUT_KAFKA_MECHANISM=SCRAM-SHA-512"),
    ),
    "an untrusted authority": ("SECURE", {"kafka_ca": ""}, ("not trusted here", "CLOUT_KAFKA_CA")),
    "an expired certificate": ("EXPIRED", TLS, ("has expired",)),
    "a certificate for another name": ("OTHER", TLS, ("for another name", "CLOUT_KAFKA_CHECK_HOSTNAME")),
    "no certificate of ours": ("MUTUAL", TLS, ("wants a certificate", "CLOUT_KAFKA_CERTIFICATE and CLOUT_KAFKA_KEY")),
    "a certificate of ours that is not trusted": (
        "MUTUAL",
        TLS | {"kafka_certificate": "{folder}/stranger/ann.pem"},
        ("refuses the certificate", "CLOUT_KAFKA_CERTIFICATE"),
    ),
    "an advertised name that does not resolve": (
        "LOST",
        PLAIN,
        ("names itself broker-x.invalid:", "does not resolve", "advertised.listeners"),
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_found_out(kafka: Secured, what: str) -> None:
    """Of an address that answers, never that nobody is there; and with what to set. No password is said."""
    listener, own, parts = WRONG[what]
    at = kafka.plain if listener == "CLIENT" else kafka.at(listener)
    filled = {
        name: value.format(folder=kafka.folder) if isinstance(value, str) else value for name, value in own.items()
    }
    said = str(down(kafka.settings(kafka=at, **filled), "nothing is wrong"))
    assert said.startswith(f"Kafka at {at} ")
    for part in parts:
        assert part in said
    assert PASSWORD not in said
    assert "wrong" not in said.replace("nothing is wrong", "")


RIGHT: dict[str, tuple[str, dict[str, Any]]] = {
    "TLS and SCRAM-SHA-512": ("SECURE", {}),
    "TLS and SCRAM-SHA-256": ("SECURE", {"kafka_mechanism": "SCRAM-SHA-256"}),
    "TLS and PLAIN": ("SECURE", {"kafka_mechanism": "PLAIN"}),
    "SCRAM without TLS": ("LOGIN", {"kafka_security": "SASL_PLAINTEXT", "kafka_ca": ""}),
    "TLS alone": ("TLS", TLS),
    "TLS with a certificate of ours": ("MUTUAL", TLS | {"kafka_certificate": "{folder}/authority/broker.pem"}),
    "any name": ("OTHER", TLS | {"kafka_check_hostname": False}),
}


@pytest.mark.parametrize("what", RIGHT)
def test_clients_get_in(kafka: Secured, what: str) -> None:
    """kafka-python's and aiokafka's, and what looks for mistakes finds none."""
    listener, own = RIGHT[what]
    filled = {
        name: value.format(folder=kafka.folder) if isinstance(value, str) else value for name, value in own.items()
    }
    settings = kafka.settings(kafka=kafka.at(listener), **filled)
    with Admin(settings) as admin:
        assert len(admin.find()) == len(ALL)

    async def start() -> None:
        async with plain_producer(settings):
            pass

    asyncio.run(start())
    assert str(down(settings, "nothing is wrong")) == "nothing is wrong"


def test_commands_and_feeds_say_it(kafka: Secured) -> None:
    """The finding reaches whoever asked: a command, and a feed before it sends anything."""
    settings = kafka.settings(kafka=kafka.at("LOST"), **PLAIN)
    assert "names itself broker-x.invalid" in clout(settings, "topics", "check", code=3)
    settings = kafka.settings(kafka_password_file="", kafka_password="wrong")

    async def start() -> None:
        async with Feeder(settings):
            pass

    with pytest.raises(DependencyDown, match="refuses the user ann or the password"):
        asyncio.run(start())


def test_with_the_least_rights(kafka: Secured, redis: Server, prefix: str, tmp_path: Path) -> None:
    """Each user has what `clout topics acls` lists for it and nothing else; and a whole Clout works."""
    for role, user in USERS.items():
        kafka.grant(user, least(as_(kafka, role, prefix), role))
    users = {role: with_redis(as_(kafka, role, prefix), redis, "worker") for role in USERS}
    reader = with_redis(users["reader"], redis, "reader")
    operator = users["operator"]
    clout(operator, "topics", "create")
    events = tmp_path / "events.ndjson"
    likes = [{"id": f"e{n}", "type": "like", "network": "t", "actor": f"a{n}", "target": "t", "ts": int(time.time() * 1000)}
             for n in range(20)]  # fmt: skip
    bad = {**likes[0], "id": "bad", "ts": 1}
    events.write_bytes(b"\n".join(orjson.dumps(line) for line in [*likes, bad]))
    log = tmp_path / "worker.log"
    argv = [sys.executable, "-m", "agents.cli.main", "worker"]
    with child(argv, log=log, env=environ(users["worker"]), stop_s=20) as worker:
        until(lambda: b"took partitions=" in log.read_bytes() or worker.poll() is not None, log)
        clout(users["feed"], "feed", str(events))
        until(lambda: len(clout(reader, "top", "-n", "50", "--json").splitlines()) == len(likes) + 1, log)
        until(lambda: "ts_too_small" in clout(operator, "rejects", "--json"), log)
        said = clout(operator, "doctor")
        assert "down" not in said
        assert "wrong" not in said
        worker.send_signal(signal.SIGTERM)
        assert until(lambda: worker.poll() is not None, log)
        assert worker.returncode == 0
    again = tmp_path / "again.log"
    with child(argv, log=again, env=environ(users["worker"]), stop_s=20) as worker:  # which reads the rows back
        until(lambda: b"took partitions=" in again.read_bytes() or worker.poll() is not None, again)
        assert worker.poll() is None, again.read_text()
    assert PASSWORD not in log.read_text() + again.read_text()
    assert "exported" in clout(operator, "state", "export", str(tmp_path / "state.zst"))
    assert "21 users written again" in clout(operator, "rebuild")
    for words in (("score", "t:t"), ("alerts",), ("top",)):
        clout(reader, *words)
    assert "denies its user something" in refused(lambda: asyncio.run(write(reader)))


def test_alerts_arrive_with_the_least_rights(kafka: Secured, redis: Server, prefix: str, tmp_path: Path) -> None:
    """From the topic to a receiver and into Redis; the operator says where to, and sees it."""
    for role in ("alerting", "operator"):
        kafka.grant(USERS[role], least(as_(kafka, role, prefix), role))
    alerting = replace(with_redis(as_(kafka, "alerting", prefix), redis, "alerting"), alerting_inside="127.0.0.1")
    operator = with_redis(as_(kafka, "operator", prefix), redis, "reader")
    clout(operator, "topics", "create")
    log = tmp_path / "alerting.log"
    value, broker = told("t:ann", 7), replace(operator, kafka=kafka.plain, **PLAIN)

    async def tell() -> None:
        async with plain_producer(broker) as producer:
            await producer.send_and_wait(operator.topic(ALERTS.name), value, b"t:ann", partition_of("t:ann", 2))

    with receiving() as receiver:
        clout(operator, "channel", "add", "ops", "--url", receiver.url)
        argv = [sys.executable, "-m", "agents.cli.main", "alerting"]
        with child(argv, log=log, env=environ(alerting), stop_s=20) as process:
            until(lambda: b"took partitions=" in log.read_bytes() or process.poll() is not None, log)
            asyncio.run(tell())
            until(lambda: receiver.got or process.poll() is not None, log)
            assert orjson.loads(receiver.got[0].body)["data"] == orjson.loads(value)
            status = lambda: CliRunner().invoke(cli, ["status", "--json"], env=environ(operator)).output  # noqa: E731
            until(lambda: "answered 204" in status(), log)
            assert "well" in clout(operator, "channel", "list")
            assert "redis does not take" not in log.read_text()
        for words in (
            ("ack", "day-fall", "t:ann"),
            ("silence", "s", "--user", "t:ann", "--for", "1h"),
            ("dead", "list"),
        ):
            clout(operator, "alerts", *words)
    assert PASSWORD not in log.read_text()


def test_the_api_with_the_least_rights(kafka: Secured, redis: Server, prefix: str) -> None:
    """It reads tokens, and sends controls and rules."""
    for role in ("api", "operator"):
        kafka.grant(USERS[role], least(as_(kafka, role, prefix), role))
    clout(operator := as_(kafka, "operator", prefix), "topics", "create")
    token = json.loads(clout(operator, "token", "add", "ops", "--scope", "write", "--json").splitlines()[0])["token"]
    header = {"Authorization": f"Bearer {token}"}
    with (
        served(with_redis(as_(kafka, "api", prefix), redis, "reader")) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=header, timeout=20, trust_env=False) as client,
    ):
        control = {"type": "unlink", "user": "t:ann"}
        until(lambda: client.post("/v1/controls", json=control).status_code == 202, "a control is taken")
        assert client.put("/v1/rules/low", json={"when": {"below": 40}}).status_code == 202
    assert "low" in clout(operator, "rule", "list")


async def write(settings: Settings) -> None:
    """What a reader of Redis may not."""
    client: Any = connect(settings)
    try:
        await client.hset(f"{settings.redis_prefix}:{{0}}:pulse", "0", "{}")
    finally:
        await client.aclose()


@pytest.fixture(scope="module")
def topics(kafka: Secured) -> str:
    """Topics of this prefix are there."""
    settings = Settings.load({}, kafka=kafka.plain, topic_prefix="taken-", partitions=2)
    with Admin(settings) as admin:
        admin.create()
    return "taken-"


def test_each_right_of_a_worker_that_is_missing_is_named(kafka: Secured, redis: Server, topics: str) -> None:
    """Taken away one after the other; the worker is told before it begins, and the right itself, not what follows from it."""
    settings = with_redis(as_(kafka, "worker", topics), redis, "worker")
    rights = least(settings, "worker")
    kafka.grant("ann", rights)
    with Admin(settings) as admin:
        until(lambda: not lacking(admin, settings, "worker"), "granted")
        for right in rights:
            kafka.take("ann", [right])
            until(lambda right=right: lacking(admin, settings, "worker") == [right], f"{right} taken away")
            with pytest.raises(NotAllowed) as caught:
                check_rights(admin, settings, "worker")
            assert str(right) in str(caught.value)
            kafka.grant("ann", [right])
            until(lambda: not lacking(admin, settings, "worker"), f"{right} granted again")
    assert "rights" not in clout(settings, "doctor")
    kafka.take("ann", [rights[0], rights[-1]])
    with Admin(settings) as admin:
        until(lambda: len(lacking(admin, settings, "worker")) == 2, "two taken away")
    said = clout(settings, "worker", code=1)
    assert all(str(right) in said for right in (rights[0], rights[-1]))
    [told] = [line for line in clout(settings, "doctor", code=1).splitlines() if line.split()[1] == "rights"]
    assert all(str(right) in told for right in (rights[0], rights[-1]))


def refused(act: Any) -> str:
    """What a person is told once the right no longer holds; empty while it does."""
    try:
        act()
    except expected() as error:
        return str(explained(error))
    return ""


def test_each_right_of_a_feed_that_is_missing_is_named(kafka: Secured, topics: str) -> None:
    """Topic by topic, by the feeder itself."""
    settings = as_(kafka, "feed", topics)
    rights = least(settings, "feed")
    kafka.grant("bob", rights)

    async def send(name: str) -> None:
        async with Feeder(settings) as feeder:
            await feeder.send(Produced(name, b"t:a", b"{}", 0))
            await feeder.flush()

    for topic, right in zip(RECEIVED, rights, strict=True):
        until(lambda name=topic.name: not refused(lambda: asyncio.run(send(name))), f"{right} granted")
        kafka.take("bob", [right])
        said = until(lambda name=topic.name: refused(lambda: asyncio.run(send(name))), f"{right} taken away")
        assert str(right) in said


def test_rights_of_readers_and_operators_that_are_missing_are_named(kafka: Secured, topics: str) -> None:
    """Reading rows, seeing the group, creating topics: the operation and what it is on."""
    reader = as_(kafka, "reader", topics)
    kafka.grant("cay", least(reader, "reader"))
    for topic in (SCORES, ALERTS):  # nothing else lets this user see them

        def newest(name: str = reader.topic(topic.name)) -> None:
            asyncio.run(last_values(reader, name, [0]))

        right = Right(TOPIC, reader.topic(topic.name), READ)
        until(lambda act=newest: not refused(act), f"{right} granted")
        kafka.take("cay", [right])
        assert str(right) in until(lambda act=newest: refused(act), f"{right} taken away")
    operator = as_(kafka, "operator", topics)
    kafka.grant("dan", least(operator, "operator"))

    async def one_row() -> None:
        async with plain_producer(replace(operator, kafka=kafka.plain, **PLAIN)) as producer:
            await producer.send_and_wait(operator.topic(STATE.name), b"{}", b"k", 0)

    asyncio.run(one_row())

    def rows() -> None:
        asyncio.run(last_values(operator, operator.topic(STATE.name), [0]))

    def members() -> None:
        with Admin(operator) as admin:
            admin.members()

    for act, right in (
        (rows, Right(TOPIC, operator.topic(STATE.name), READ)),
        (members, Right(GROUP, operator.app, DESCRIBE)),
    ):
        until(lambda act=act: not refused(act), f"{right} granted")
        kafka.take("dan", [right])
        said = until(lambda act=act: refused(act), f"{right} taken away")
        assert right.name in said
        assert right.operation in said
    for name in (REJECTS.name, "likes"):  # a topic of which nothing is left to see
        right = Right(TOPIC, operator.topic(name), READ)
        kafka.take("dan", [right, right._replace(operation=WRITE), right._replace(operation=CREATE)])
    until(lambda: refused(lambda: reject_log.here(operator)), "the topic of rejects is hidden")
    for words in (("rejects", "--since", "1h"), ("topics", "rest"), ("state", "export", "-")):
        assert "may not be seen by this user: grant " in clout(operator, *words, code=1)
    other = as_(kafka, "operator", f"{topics}2-")
    kafka.grant("dan", [right for right in least(other, "operator") if right.operation != CREATE])

    def create() -> None:
        with Admin(other) as admin:
            admin.create()

    said = until(lambda: refused(create), "no right to create")
    assert CREATE in said
    assert other.topic("likes") in said


def test_a_live_source_with_the_least_rights(kafka: Secured, redis: Server, prefix: str, tmp_path: Path) -> None:
    """Events, cursor and gap are written, and how it stands is shown; the next process goes on."""
    for role in ("source", "operator"):
        kafka.grant(USERS[role], least(as_(kafka, role, prefix), role))
    source = with_redis(as_(kafka, "source", prefix), redis, "source")
    operator = with_redis(as_(kafka, "operator", prefix), redis, "reader")
    clout(operator, "topics", "create")
    log, instance = tmp_path / "feed.log", Instance(messages(40))
    with serving_apart(instance) as url:
        argv = [sys.executable, "-m", "agents.cli.main", "feed", "bluesky", "--endpoint", url]
        status = lambda: CliRunner().invoke(cli, ["status", "--json"], env=environ(operator)).output  # noqa: E731
        for count in (40, 60):
            instance.messages = messages(count)
            with child(argv, log=log, env=environ(source), stop_s=20) as process:
                until(lambda: '"state":"reading"' in status() or process.poll() is not None, log)
                assert process.poll() is None, log.read_text()
            assert process.returncode == 0, log.read_text()
        assert '"state":"stopped"' in status()
    assert instance.sent == 61  # the last of the first 40 is sent again, for cursors are inclusive
    assert "gap source=bluesky since=1783123" in log.read_text()
    assert "redis does not take" not in log.read_text()
