"""`agents.feeds.bluesky`: each event of a Jetstream once, whatever its servers do."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import orjson
import pytest

from agents.feeds.bluesky import Bluesky
from streams.display_names import Named
from streams.errors import UsageError
from streams.sources import Produced, open_source
from streams.sources.bluesky import OVERLAP_US, REPEATED, V2_PATH, Frames
from streams.sources.jetstream import PROFILE
from streams.sources.live import Batch, LiveSource, Lost
from tests.feeds.contract import Contract, Script, id_of, ids, run
from tests.feeds.jetstream import T0_US, Faults, Instance, messages, serving, v2

HOUR_US = 3_600_000_000
MINUTE_MS = 60_000


def now_ms() -> float:
    """A little after all messages."""
    return T0_US / 1000 + HOUR_US / 1000


def profile(operation: str, record: dict[str, object]) -> dict[str, object]:
    commit = {"operation": operation, "collection": PROFILE, "rkey": "self", "rev": operation, "record": record}
    return {"kind": "commit", "commit": commit}


def expected(some: Sequence[dict[str, object]]) -> list[Produced]:
    """The events in these messages."""
    frames = Frames(now_ms)
    frames.begin("x", None, by_time=False)
    batches = (frames.read(v2(message, n + 1)) for n, message in enumerate(some))
    return [event for batch in batches if batch for event in batch.events]


def named(some: Sequence[dict[str, object]]) -> list[str]:
    """Their ids."""
    return [id_of(event) for event in expected(some)]


class Played(Contract):
    """On a server of this version."""

    path = ""

    def source(self, endpoint: str) -> LiveSource:
        return Bluesky((endpoint,), now_ms)

    def ids(self, count: int) -> list[str]:
        return [f"did:plc:a/app.bsky.feed.like/r{n}" for n in range(count)]

    def named(self) -> list[Named]:
        user = "bluesky:did:plc:a"
        back = [Named(user, None), Named(user, None, handle=True)]
        return [Named(user, "ann.example", handle=True), Named(user, "Ann \U0001f98a"), Named(user, None), *back]

    @contextlib.asynccontextmanager
    async def serving(self, script: Script) -> AsyncIterator[str]:
        some = [*map(like, range(script.count)), *(said(script.count + n, one) for n, one in enumerate(NAMES))]
        instance = Contracted(some, script)
        async with serving(instance) as url:
            yield f"{url}{self.path}"


class Contracted(Instance):
    """Does what the script of the contract says."""

    def __init__(self, some: Sequence[dict[str, object]], script: Script) -> None:
        super().__init__(some, Faults(cut=set(script.cut), latin=set(script.bad)), large=script.large)
        self.script, self.ends = script, not script.endless

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name in ("sent", "connections") and "script" in self.__dict__:
            setattr(self.script, name, value)
            self.script.cuts = set(self.script.cut) - self.faults.cut


class TestVersion2(Played):
    """Goes on by sequence."""

    path = V2_PATH


class TestVersion1(Played):
    """Of a server that puts its sequence into frames."""

    path = "/subscribe"


#: what says how somebody is called, and what says nothing of it
NAMES: tuple[dict[str, object], ...] = (
    {"kind": "identity", "identity": {"handle": "ann.example"}},
    {"kind": "identity", "identity": {"seq": 1}},
    profile("create", {"displayName": "Ann \U0001f98a"}),
    profile("update", {"description": "x"}),
    {"kind": "account", "account": {"active": False, "status": "deactivated"}},
    {"kind": "account", "account": {"active": False, "status": "deleted"}},
)


def said(n: int, what: dict[str, object]) -> dict[str, object]:
    return {"did": "did:plc:a", "time_us": T0_US + n * 1_000, **what}


def like(n: int, at_us: int | None = None) -> dict[str, object]:
    record = {"subject": {"uri": f"at://did:plc:t/app.bsky.feed.post/p{n % 3}"}}
    commit = {
        "operation": "create",
        "collection": "app.bsky.feed.like",
        "rkey": f"r{n}",
        "rev": f"v{n}",
        "record": record,
    }
    return {
        "did": "did:plc:a",
        "time_us": T0_US + n * 1_000 if at_us is None else at_us,
        "kind": "commit",
        "commit": commit,
    }


FAULTS = {
    "closes every few": Faults(every=17),
    "cut here and there": Faults(cut={0, 3, 50}),
    "says some again": Faults(repeat={10, 40}),
    "torn frames": Faults(torn={0, 30, 31}),
    "no UTF-8": Faults(latin={20, 21}),
    "an error frame": Faults(error={25}),
    "HTML": Faults(refuse=[(200, {"Content-Type": "text/html"}, "<html>busy</html>"), (502, {}, "<html>")]),
    "leave me alone": Faults(refuse=[(429, {"Retry-After": "0"}, ""), (503, {"Retry-After": "soon"}, "")]),
    "begins slowly": Faults(slow_s=0.3),
    "stalls": Faults(stall={33}),
}


@pytest.mark.parametrize("path", [V2_PATH, "/subscribe"])
@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
def test_each_event_once(faults: Faults, path: str) -> None:
    """In its order."""

    async def story() -> None:
        some = messages(120)
        fresh = Faults(**{name: type(value)(value) for name, value in vars(faults).items()})
        async with serving(Instance(some, fresh)) as url:
            assert ids(await read(Bluesky((url + path,), now_ms), len(expected(some)))) == named(some)

    run(story())


async def read(source: Bluesky, count: int, cursor: str | None = None) -> list[Batch]:
    """Connects to one endpoint after the other, at once, until so many events are there."""
    found: list[Batch] = []
    n = 0
    while len(ids(found)) < count:
        with contextlib.suppress(Lost, TimeoutError):
            async with asyncio.timeout(0.7), contextlib.aclosing(source.events(source.endpoints[n], cursor)) as batches:
                async for batch in batches:
                    found.append(batch)
                    cursor = batch.cursor
                    if len(ids(found)) >= count:
                        break
        n = (n + 1) % len(source.endpoints)
    return found


def test_nothing_is_said_twice_across_instances() -> None:
    """Another counts otherwise: ten seconds are asked for again, and left out by what they are."""

    async def story() -> None:
        some = messages(100, each_us=20_000)
        late = Instance(some, first=5)
        async with serving(Instance(some[:60])) as one, serving(late) as other:
            source = Bluesky((one, other), now_ms)
            count = len(expected(some[:60]))
            found = await read_at(source, one + V2_PATH, None, count)
            newest_us = orjson.loads(found[-1].cursor)["time_us"]
            found += await read_at(source, other + V2_PATH, found[-1].cursor, len(expected(some)) - count)
        assert ids(found) == named(some)
        assert late.asked[0].endswith(f"cursor={newest_us - OVERLAP_US}")
        assert sum((batch.skipped for batch in found), Counter[str]())[REPEATED] > count / 2

    run(story())


@pytest.mark.parametrize("skew_us", [-HOUR_US, HOUR_US])
def test_a_clock_that_is_wrong_loses_nothing(skew_us: int) -> None:
    """Of the first instance, by an hour; the next one is right. What is from the future happens now."""

    async def story() -> None:
        some = messages(100, begins_us=int(time.time() * 1e6) - 5_000_000)
        async with (
            serving(Instance(some[:60], Faults(skew_us=skew_us))) as one,
            serving(Instance(some, first=5)) as other,
        ):
            source = Bluesky((one, other))
            found = await read_at(source, one + V2_PATH, None, len(expected(some[:60])))
            assert max(batch_ts(found)) < time.time() * 1000 + MINUTE_MS
            found += await read_at(Bluesky((other,)), other + V2_PATH, found[-1].cursor, len(expected(some[60:])))
        assert set(ids(found)) >= set(named(some[:60]))
        assert set(ids(found)) <= set(named(some))

    run(story())


def batch_ts(batches: Sequence[Batch]) -> list[int]:
    """When the events happened."""
    return [orjson.loads(event.value)["ts"] for batch in batches for event in batch.events]


def test_a_cursor_that_is_too_old() -> None:
    """Version 2 refuses the sequence; by time it gives what is left, and what lies between is told as missed."""

    async def story() -> None:
        some = messages(100, each_us=10_000_000)
        instance = Instance(some)
        async with serving(instance) as url:
            first = await read_at(Bluesky((url,), now_ms), url + V2_PATH, None, 10)
            instance.oldest = 50
            found = await read(Bluesky((url,), now_ms), len(expected(some[50:])), first[-1].cursor)
        assert ids(found) == named(some[50:])
        (missed,) = [batch.missed for batch in found if batch.missed]
        assert missed.since == orjson.loads(first[-1].cursor)["time_us"] // 1000
        assert missed.until == int(some[50]["time_us"]) // 1000
        assert [("cursor=1" in query) for query in instance.asked] == [False, True, True]

    run(story())


def test_version_1_says_nothing_of_a_cursor_that_is_too_old() -> None:
    """It begins with what it has; that is seen by the time of the first."""

    async def story() -> None:
        some = messages(100, each_us=10_000_000)
        instance = Instance(some)
        async with serving(instance) as url:
            first = await read_at(Bluesky((url,), now_ms), f"{url}/subscribe", None, 10)
            instance.oldest = 50
            source = Bluesky((f"{url}/subscribe",), now_ms)
            found = await read(source, len(expected(some[50:])), first[-1].cursor)
        assert ids(found) == named(some[50:])
        assert [batch.missed is not None for batch in found if batch.events or batch.missed].count(True) == 1

    run(story())


def test_a_server_that_counts_anew() -> None:
    """One that was set up again would give nothing but what comes from now on: it is asked by time."""

    async def story() -> None:
        some = messages(100, each_us=20_000)
        instance = Instance(some, first=1_000_000)
        async with serving(instance) as url:
            source = Bluesky((url,), now_ms)
            count = len(expected(some[:40]))
            found = await read_at(source, url + V2_PATH, None, count)
            instance.first = 1
            found += await read(source, len(expected(some)) - count, found[-1].cursor)
        assert ids(found) == named(some)

    run(story())


@pytest.mark.parametrize("again", [False, True])
def test_version_1_without_a_sequence(again: bool) -> None:
    """Its times are not in order. In one process each event comes once; a new one may get two seconds again, and loses none."""

    async def story() -> None:
        some = messages(200)
        for n in range(0, 200, 7):
            some[n]["time_us"] = int(some[n]["time_us"]) - 900_000
        instance = Instance(some, Faults(cut={60, 130}), sequences=False)
        async with serving(instance) as url:
            source = Bluesky((f"{url}/subscribe",), now_ms)
            count = len(set(named(some)))
            found = await read(source, count // 2)
            source = Bluesky((f"{url}/subscribe",), now_ms) if again else source
            more = await read_all(source, found[-1].cursor)
        whole = ids(found) + ids(more)
        assert set(whole) == set(named(some))
        assert len(whole) - len(set(whole)) <= (60 if again else 0)  # of three seconds

    run(story())


async def read_all(source: Bluesky, cursor: str | None) -> list[Batch]:
    """Until nothing has come for a while."""
    found: list[Batch] = []
    for _ in range(4):
        before = len(found)
        found += await read_some(source, cursor)
        cursor = found[-1].cursor if found else cursor
        if len(found) == before:
            break
    return found


async def read_some(source: Bluesky, cursor: str | None) -> list[Batch]:
    """One connection."""
    found: list[Batch] = []
    with contextlib.suppress(Lost, TimeoutError):
        async with asyncio.timeout(0.7), contextlib.aclosing(source.events(source.endpoints[0], cursor)) as batches:
            async for batch in batches:
                found.append(batch)  # noqa: PERF401 - of one that is lost in the middle, too
    return found


def test_refusals_are_told() -> None:
    """What the server answers, and when it wants to be asked again."""

    async def story() -> None:
        answers = [
            (200, {"Content-Type": "text/html; charset=utf-8"}, "<html>", "HTTP 200 (text/html)", None),
            (429, {"Retry-After": "17"}, "", "HTTP 429", 17),
            (429, {}, "", "HTTP 429", 60),
            (503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, "", "HTTP 503", 0),
        ]
        instance = Instance([], Faults(refuse=[(status, headers, text) for status, headers, text, *_ in answers]))
        async with serving(instance) as url:
            source = Bluesky((url,), now_ms)
            for *_, said, wait_s in answers:
                with pytest.raises(Lost) as lost:
                    await anext(source.events(source.endpoints[0], None))
                assert said in str(lost.value)
                assert lost.value.wait_s == wait_s
            with pytest.raises(Lost, match="is none of Bluesky's"):
                await anext(source.events(source.endpoints[0], '{"x":1}'))

    run(story())


@pytest.mark.parametrize("url", ["https://x", "ws://", "wss://x?cursor=1", "ws:x"])
def test_what_is_no_endpoint(url: str) -> None:
    """Is said, with an example."""
    with pytest.raises(UsageError, match="no endpoint of Jetstream; as in wss://"):
        Bluesky((url,))


def test_only_what_is_needed_is_asked_for() -> None:
    """Five collections, by the name that each version has for them."""

    async def story() -> None:
        instance = Instance([], ends=True)
        async with serving(instance) as url:
            for path in ("", "/subscribe"):
                source = Bluesky((url + path,), now_ms)
                with pytest.raises(Lost, match="closed"):
                    await anext(source.events(source.endpoints[0], None))
        assert [query.split("=")[0] for query in instance.asked] == ["collections", "wantedCollections"]
        assert [query.count("app.bsky.") for query in instance.asked] == [5, 5]

    run(story())


def test_the_usual_endpoints() -> None:
    """Both versions are among them."""
    paths = {url.partition("network")[2] for url in Bluesky().endpoints}
    assert paths == {V2_PATH, "/subscribe"}


def test_real_frames(shared_data: Path) -> None:
    """152 frames of production come as a file of them does: times out of order, and no sequence."""
    lines = (shared_data / "jetstream" / "corpus_v1_152.redacted.jsonl").read_bytes().splitlines()

    async def story() -> None:
        instance = Instance([orjson.loads(line) for line in lines], Faults(cut={50, 51, 140}), sequences=False)
        async with serving(instance) as url:
            found = await read_all(Bluesky((f"{url}/subscribe",), lambda: 2e12), None)
        with open_source(str(shared_data / "jetstream" / "corpus_v1_152.redacted.jsonl"), "jetstream") as file:
            assert ids(found) == [id_of(event) for event in file]

    run(story())


async def read_at(source: Bluesky, endpoint: str, cursor: str | None, count: int) -> list[Batch]:
    """So many events from one connection."""
    found: list[Batch] = []
    async with asyncio.timeout(10), contextlib.aclosing(source.events(endpoint, cursor)) as batches:
        async for batch in batches:
            found.append(batch)
            if len(ids(found)) >= count:
                break
    return found
