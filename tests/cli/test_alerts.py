"""`clout alerts`: what it shows of a topic on a real Kafka, and how a line looks."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from rich.cells import cell_len
from rich.console import Console

from agents.cli.alert_lines import Line
from streams.broker import alert_log
from streams.broker.admin import Admin
from streams.partitioner import partition_of
from streams.settings import Settings
from tests.alerts import NOW_MS, OLD, alert, of_feed, told

PATIENCE_S = 30.0
Ask = Callable[..., Any]


@pytest.fixture
def ask(on_topics: Ask) -> Ask:
    """The command."""
    return on_topics


class Worker:
    """Publishes as workers do: alerts of a partition in transactions."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.producer: Any = AIOKafkaProducer(
            bootstrap_servers=settings.kafka, transactional_id=f"{settings.topic_prefix}w"
        )

    async def send(self, *alerts: bytes) -> None:
        """Within a transaction."""
        for value in alerts:
            body = orjson.loads(value)
            user = body.get("user") or body["network"]
            number = partition_of(user, self._settings.partitions)
            await self.producer.send_and_wait(self._settings.topic("alerts"), value, user.encode(), number)

    async def commit(self, *alerts: bytes) -> None:
        """A transaction with these."""
        async with self.producer.transaction():
            await self.send(*alerts)

    async def abort(self, *alerts: bytes) -> None:
        """One that comes to nothing."""
        with suppress(KeyError):
            async with self.producer.transaction():
                await self.send(*alerts)
                raise KeyError


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[Worker]:
    """A worker while the block lasts."""
    worker = Worker(settings)
    await worker.producer.start()
    try:
        yield worker
    finally:
        await worker.producer.stop()


def published(settings: Settings, *alerts: bytes, each: int = 1) -> None:
    """These are committed, so many in a transaction, an aborted one before each."""

    async def story() -> None:
        async with working(settings) as worker:
            for start in range(0, len(alerts), each):
                await worker.abort(told("t:never", start))
                await worker.commit(*alerts[start : start + each])

    asyncio.run(story())


def users(done: Any) -> list[str]:
    """Of the alerts shown as JSON."""
    assert done.exit_code == 0, done.output
    return [orjson.loads(line)["user"] for line in done.stdout.splitlines()]


def test_none(ask: Ask) -> None:
    """It is said that there are none, of those asked for, on stderr; that is no failure."""
    empty = ask("alerts")
    assert (empty.exit_code, empty.stdout, empty.stderr) == (0, "", "no alerts\n")
    asked = ask("alerts", "--user", "t:ann", "--user", "t:b\u202e", "--rule", "big", "--since", "2026-01-01", "--json")
    said = "no alerts about t:ann or about t:b\\u202e or by the rule big since 2026-01-01T00:00:00Z\n"
    assert (asked.stdout, asked.stderr) == ("", said)


def test_the_latest_of_all_partitions(ask: Ask, settings: Settings) -> None:
    """The newest over all, by their moments, oldest first: those of a partition that has many, and of one that has few."""
    many = [told("t:busy", n) for n in range(300)]
    few = [told(f"t:{n}", 10 * n, rule="big" if n % 2 else "day-fall") for n in range(20)]
    wanted = sorted(map(orjson.loads, (*many, *few)), key=lambda one: int(one["at"]))
    published(settings, *map(orjson.dumps, wanted), b'{"user":"t:broken"}', each=40)
    done = ask("alerts", "-n", "250", "--json")
    found = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert [one["at"] for one in found] == [one["at"] for one in wanted[-250:]]
    assert {orjson.dumps(one) for one in found} <= {orjson.dumps(one) for one in wanted}
    assert len(users(ask("alerts", "--json"))) == 10
    assert ask("alerts", "-n", "0").stdout == ""
    # the one of many is only found behind all that are not wanted
    assert users(ask("alerts", "--user", "t:3", "--user", "t:4", "--json")) == ["t:3", "t:4"]
    assert users(ask("alerts", "--rule", "big", "--json", "-n", "3")) == ["t:15", "t:17", "t:19"]
    assert users(ask("alerts", "--rule", "big", "--user", "t:4", "--json")) == []
    assert len(users(ask("alerts", "--since", str(NOW_MS + 180), "--json"))) == 122
    assert len(users(ask("alerts", "--since", "1h", "--json"))) == 0
    lines = ask("alerts", "-n", "2").stdout.splitlines()
    assert len(lines) == 2
    assert "raised     warning   t:busy" in lines[1]
    assert lines[1].endswith("40.00   ▼ 7.50  fell 7.5 points (idle, rule day-fall)")


def test_follow_goes_on_where_it_stopped(settings: Settings) -> None:
    """What was there is shown once; what is committed later follows, none twice, also of a transaction that was open; no other."""
    before = [told(f"t:{n}", n) for n in range(8)]
    after = [told(f"t:{n}", 10 + n) for n in range(8)]

    async def story() -> None:
        async with working(settings) as worker:
            await worker.commit(*before)
            await worker.abort(told("t:never"))
            await worker.producer.begin_transaction()
            await worker.send(after[0])
            _, logs = await asyncio.to_thread(alert_log.here, settings)
            await worker.send(after[1])
            await worker.producer.commit_transaction()
            # what came between is not among the latest: else it would be shown twice
            found = await alert_log.latest(settings, logs, 100)
            assert [one.value for one in found] == before
            following = alert_log.follow(settings, {number: log.committed for number, log in logs.items()})
            await worker.abort(told("t:never"))
            await worker.commit(*after[2:])
            came: list[bytes] = []
            async with asyncio.timeout(PATIENCE_S):
                while len(came) < len(after):
                    came += [one.value for one in await anext(following)]
            await worker.commit(told("t:last", 99))
            async with asyncio.timeout(PATIENCE_S):
                while not (last := await anext(following)):
                    pass
            await following.aclose()
            assert sorted(came) == sorted(after)
            assert [one.user for one in last] == ["t:last"]

    asyncio.run(story())


def test_of_feeds(ask: Ask, settings: Settings) -> None:
    """They are shown among the others, are about no user and by no rule, and are kept of nobody."""
    alerts = [of_feed("mastodon"), told("t:ann", 3_600_001), of_feed("mastodon", "recovered")]
    published(settings, *alerts, each=1)
    lines = ask("alerts").stdout.splitlines()
    since = "2026-01-01T00:00:00Z"
    assert len(lines) == 3
    shown = [line for line in lines if "mastodon  " in line]
    assert shown[0].endswith(f"nothing comes from mastodon since {since}; usually 1,240 events in that time (feed)")
    assert f"nothing came from {since} until 2026-01-01T01:00:00Z" in shown[1]
    assert users(ask("alerts", "--user", "t:ann", "--json")) == ["t:ann"]
    assert users(ask("alerts", "--rule", "day-fall", "--json")) == ["t:ann"]
    assert ask("alerts", "--user", "mastodon:ann", "--json").stdout == ""

    async def story() -> dict[str, list[bytes]]:
        _, logs = await asyncio.to_thread(alert_log.here, settings)
        return await alert_log.by_user(settings, logs, 20)

    assert asyncio.run(story()) == {"t:ann": [alerts[1]]}


def test_the_last_of_each_user(settings: Settings) -> None:
    """All of the topic is read for them, in the order of each partition."""
    alerts = [told(f"t:{n % 3}", n) for n in range(100)]
    published(settings, *alerts, each=25)

    async def story() -> dict[str, list[bytes]]:
        _, logs = await asyncio.to_thread(alert_log.here, settings)
        return await alert_log.by_user(settings, logs, 20)

    found = asyncio.run(story())
    assert found == {f"t:{m}": [value for n, value in enumerate(alerts) if n % 3 == m][-20:] for m in range(3)}


def test_without_a_topic_what_to_do_is_said(clout: Ask, kafka: str, prefix: str) -> None:
    """Not there is no traceback."""
    done = clout("alerts", kafka=kafka, topic_prefix=prefix)
    assert done.exit_code == 1
    assert "clout topics create" in done.stderr


# -- how a line looks ----------------------------------------------------------------------------------------------------


def drawn(width: int, *, terminal: bool = True, **more: Any) -> list[str]:
    """The lines of an alert."""
    console = Console(file=io.StringIO(), width=width, force_terminal=terminal, no_color=True, highlight=False)
    body = orjson.loads(told("t:\x1b[2J" + "ann" * 12, **more))
    console.print(Line(body))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [
        line.rstrip() for line in text.replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[2m", "").splitlines()
    ]


SAID = "fell 7.5 points because nobody has engaged for six days, since the close of Tuesday"


@pytest.mark.parametrize("width", [40, 80, 120, 250])
def test_a_terminal_is_never_too_narrow(width: int) -> None:
    """The sentence goes below, in as many lines as it needs; no line is wider, and no name moves the cursor."""
    lines = drawn(width, sentence=SAID)
    assert max(map(cell_len, lines)) <= width
    assert "\x1b" not in "".join(lines)
    assert " ".join(" ".join(lines).split()).endswith(f"{SAID} (idle, rule day-fall)")
    assert (len(lines) == 1) == (width == 250)


def test_a_pipe_gets_a_line_in_full() -> None:
    """Whatever its length."""
    [line] = drawn(1_000_000, terminal=False, sentence=SAID)
    assert "t:\\x1b[2J" + "ann" * 12 in line
    assert line.endswith(f"{SAID} (idle, rule day-fall)")


def coloured(**more: Any) -> str:
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system="standard", highlight=False)
    console.print(Line(orjson.loads(told("t:a", **more))))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_colours_say_how_loud_it_is() -> None:
    """Red for what is raised, green for what is over; none in a pipe."""
    assert "\x1b[31mraised" in coloured()
    assert "\x1b[1;31mraised" in coloured(severity="critical")
    assert "\x1b[32mrecovered" in coloured(state="recovered")
    assert "\x1b[2msettled" in coloured(state="settled")
    assert "\x1b[32m ▲ 3.00" in coloured(change=3, state="recovered")


def test_an_older_version_is_shown_too() -> None:
    """For 30 days the topic has alerts without severity, change and sentence."""
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    console.print(Line(OLD))
    line = str(console.file.getvalue())  # type: ignore[attr-defined]
    assert "raised     warning   t:old" in line
    assert "40.00   ▼ 7.50  fell 7.5 points to 40.0 (rule fall)" in line
    assert alert("t:a").change == -7.5


@pytest.mark.parametrize("width", [40, 80, 250])
def test_a_feed_in_a_terminal(width: int) -> None:
    """Whatever its width, and whatever the network calls itself."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True, highlight=False)
    console.print(Line(orjson.loads(of_feed("net\x9b2J" + "work" * 10))))
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert (
        max(map(cell_len, text.replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[2m", "").splitlines()))
        <= width
    )
    assert "\x9b" not in text


def test_the_broker_of_the_demo(clout: Ask, embedded_kafka: str, prefix: str) -> None:
    """It knows no transactions: the same is shown of it."""
    settings = Settings.load({}, kafka=embedded_kafka, topic_prefix=prefix, partitions=2)
    with Admin(settings) as admin:
        admin.create()
    alerts = [told(f"t:{n}", n) for n in range(30)]

    async def story() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=embedded_kafka)
        await producer.start()
        for value in alerts:
            user = orjson.loads(value)["user"]
            await producer.send_and_wait(settings.topic("alerts"), value, user.encode(), partition_of(user, 2))
        await producer.stop()

    asyncio.run(story())
    where = {"kafka": embedded_kafka, "topic_prefix": prefix}
    assert users(clout("alerts", "--json", "-n", "3", **where)) == ["t:27", "t:28", "t:29"]
    assert users(clout("alerts", "--json", "--since", str(NOW_MS + 25), **where)) == [f"t:{n}" for n in range(25, 30)]
    assert users(clout("alerts", "--json", "--user", "t:7", **where)) == ["t:7"]
