"""Servers as they are met: with a password, with TLS, stalled, restarted, in a cluster, or not there at all."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from agents.local.embedded import free_port
from streams.errors import DependencyDown, UsageError
from streams.scoreboard.connect import address, connect, connect_sync, down, ping
from tests.scoreboard.conftest import Board, on
from tests.scoreboard.records import NOW_MS, bins, by_partition, flush
from tests.scoreboard.servers import serving
from tests.servers import left_out

SCORES = {f"a:{i}": 10.0 + i for i in range(30)}


class Settings:
    """The two settings that are read."""

    def __init__(self, redis: str, redis_cluster: bool = False) -> None:
        self.redis = redis
        self.redis_cluster = redis_cluster


def ping_of(url: str) -> str:
    """Ping and close."""

    async def story() -> str:
        client = connect(url)
        try:
            return await ping(client)
        finally:
            await client.aclose()

    return asyncio.run(story())


async def works(board: Board) -> None:
    """Write and read a little of everything."""
    for some in by_partition(SCORES, 4):
        await board.writer.write(some)
    assert len(await board.reader.top(100, NOW_MS)) == len(SCORES)
    assert (await board.reader.distribution()).bins == bins(SCORES)
    rank = await board.reader.rank("a:29")
    assert rank
    assert rank.rank == 1
    end = await board.reader.updates_end()
    await board.writer.write(flush(9, updates=b"[]"))
    assert [entry.payload for entry in await board.reader.updates(end, block_ms=500)] == [b"[]"]


def test_the_server_says_what_it_is(any_redis: str, kind: str) -> None:
    """A ping answers the name and version, asynchronously and through the settings too."""
    assert ping_of(any_redis).startswith(kind.capitalize())
    client = connect_sync(Settings(any_redis))
    try:
        assert client.ping()
    finally:
        client.close()


def test_a_password_and_a_user(kind: str, tmp_path: Path) -> None:
    """The right password works, odd characters included; else the error says what to do, and not the password."""
    with serving(kind, tmp_path, "--requirepass", "s3cret@:/x") as server:
        at = f"127.0.0.1:{server.port}"
        with contextlib.closing(connect_sync(f"redis://:s3cret%40%3A%2Fx@{at}/0")) as client:
            admin: Any = client
            admin.execute_command("ACL", "SETUSER", "worker", "on", ">w@rd", "~*", "&*", "+@all")
        on(f"redis://:s3cret%40%3A%2Fx@{at}/0", works)
        on(f"redis://worker:w%40rd@{at}/0", works)
        for wrong in (f"redis://{at}/0", f"redis://:not-it@{at}/0", f"redis://worker:not-it@{at}"):
            with pytest.raises(DependencyDown, match="refuses user or password") as caught:
                ping_of(wrong)
            assert at in str(caught.value)
            assert "not-it" not in str(caught.value)


def test_tls(tmp_path: Path) -> None:
    """A rediss:// address with its authority works; one that is not trusted is refused with a hint.

    On Redis only: the Valkey of the wheel is built without TLS.
    """
    if not shutil.which("openssl"):
        left_out("no TLS to Redis: the openssl command is missing")
    key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out ca.pem -days 2"
    name = "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(["openssl", *key.split(), *name.split()], cwd=tmp_path, check=True, capture_output=True)
    ca = tmp_path / "ca.pem"
    options = ["--port", "0", "--tls-port", "PORT", "--tls-cert-file", str(ca)]
    options += ["--tls-key-file", str(tmp_path / "key.pem")]
    with serving("redis", tmp_path, *options, "--tls-auth-clients", "no") as server:
        on(f"rediss://127.0.0.1:{server.port}/0?ssl_ca_certs={ca}", works)
        with pytest.raises(DependencyDown, match=r"not trusted here: add \?ssl_ca_certs"):
            ping_of(f"rediss://127.0.0.1:{server.port}/0")


def test_a_stall_is_waited_for(kind: str, tmp_path: Path) -> None:
    """A server that stops for half a second answers later, and the flush is written once."""
    with serving(kind, tmp_path) as server:

        async def story(board: Board) -> None:
            await board.writer.write(flush(1, {"a:1": 40.0}))
            server.freeze()
            asyncio.get_running_loop().call_later(0.5, server.thaw)
            started = time.monotonic()
            assert await board.writer.write(flush(2, {"a:1": 41.0}, updates=b"[]")) == 1
            assert time.monotonic() - started > 0.4
            assert await board.client.xlen(board.keys().updates) == 1

        on(f"redis://127.0.0.1:{server.port}/0", story)


def test_a_call_repeated_after_a_timeout_is_applied_once(kind: str, tmp_path: Path) -> None:
    """Attempts that time out during a stall are all carried out afterwards; the guard lets only the first one write."""
    with serving(kind, tmp_path) as server:
        url = f"redis://127.0.0.1:{server.port}/0"

        async def story(board: Board) -> None:
            await board.writer.write(flush(1, {"a:1": 40.0}))
            server.freeze()
            asyncio.get_running_loop().call_later(0.6, server.thaw)
            once = flush(2, {"a:1": 41.0}, updates=b"[]", alerts=[b"{}"])
            while True:
                try:
                    found = await board.writer.write(once)
                    break
                except (RedisConnectionError, RedisTimeoutError):
                    await asyncio.sleep(0.05)
            assert found in (1, 2)
            assert await board.writer.write(once) == 2
            assert await board.client.xlen(board.keys().updates) == 1
            assert await board.client.xlen(board.keys().alerts) == 1
            assert await board.client.zscore(board.keys().board, "a:1") == 41.0

        on(url, story, client=connect(url, timeout_s=0.15))


def test_an_empty_server_after_a_restart_is_noticed(kind: str, tmp_path: Path) -> None:
    """Redis gone: an error. Back and empty: the script loads again and the answer 0 asks for everything anew."""
    with serving(kind, tmp_path) as server:

        async def story(board: Board) -> None:
            await board.writer.write(flush(1, {"a:1": 40.0}))
            server.stop()
            with pytest.raises((RedisConnectionError, RedisTimeoutError)):
                await board.writer.write(flush(2, {"a:1": 41.0}))
            server.start()
            assert await board.writer.write(flush(2, {"a:1": 41.0})) == 0
            assert await board.reader.population() == 1

        on(f"redis://127.0.0.1:{server.port}/0", story)


def test_a_cluster(kind: str, tmp_path: Path) -> None:
    """With `redis_cluster` the same calls work on Redis Cluster, with several shards, after SCRIPT FLUSH too."""
    bus = str(free_port())  # else 10,000 above the server's, which may be beyond the last port
    with serving(kind, tmp_path, "--cluster-enabled", "yes", "--cluster-port", bus) as server:
        url = f"redis://127.0.0.1:{server.port}/0"
        plain: Any = connect_sync(url)
        try:
            plain.execute_command("CLUSTER", "ADDSLOTS", *range(16_384))
            until = time.monotonic() + 10
            while plain.cluster("INFO")["cluster_state"] != "ok" and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            plain.close()

        async def story(board: Board) -> None:
            assert (await ping(board.client)).startswith(kind.capitalize())
            await works(board)
            await board.client.script_flush()
            assert await board.writer.write(flush(10)) == 9
            assert sorted(await board.reader.pulses()) == [0, 1, 2, 3]
            assert address(board.client).endswith(str(server.port))

        on(url, story, shards=3, client=connect(Settings(url, redis_cluster=True)))


def test_nobody_there() -> None:
    """A closed port is said at once, with the address and without the password."""
    port = free_port()
    started = time.monotonic()
    with pytest.raises(DependencyDown, match="start it, or set CLOUT_REDIS") as caught:
        ping_of(f"redis://user:s3cret@127.0.0.1:{port}/0")
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.exit_code == 3
    assert time.monotonic() - started < 5


def test_someone_who_never_answers(kind: str, tmp_path: Path) -> None:
    """A server that accepts and stays silent is given up in time."""
    with serving(kind, tmp_path) as server:

        async def story() -> None:
            client = connect(f"redis://127.0.0.1:{server.port}/0")
            try:
                with pytest.raises(DependencyDown, match="does not answer in time"):
                    await ping(client, within_s=0.2)
            finally:
                await client.aclose()

        server.freeze()
        asyncio.run(story())


UNREADABLE = ("localhost:6379", "http://u:s3cret@h/0", "redis://u:s3cret@h:port/0", "", "redis://h?db=x")


@pytest.mark.parametrize("url", UNREADABLE)
def test_an_unreadable_address_is_a_usage_error(url: str) -> None:
    """What is no Redis URL is refused before anything connects, with an example and without the password."""
    for make in (connect, connect_sync):
        with pytest.raises(UsageError, match="redis://host:port/db") as caught:
            make(url)
        assert "s3cret" not in str(caught.value)


OURS = (
    *("decode_responses=true", "decode_responses=yes", "decode_responses=1", "encoding=utf-16", "encoding=latin-1"),
    *("encoding_errors=nonsense", "legacy_responses=false", "protocol=2", "protocol=3", "client_name=someone"),
)


@pytest.mark.parametrize("option", OURS)
def test_options_that_other_programs_need_change_nothing(redis_url: str, option: str) -> None:
    """What comes in is bytes, whatever the URL says; both dialects of Redis are understood."""

    async def story(board: Board) -> None:
        await works(board)
        assert isinstance((await board.client.hgetall(board.keys().users))[b"a:29"], bytes)

    on(f"{redis_url}?{option}", story)
    client = connect_sync(f"{redis_url}?{option}&db=3")
    with contextlib.closing(client):
        assert isinstance(client.client_list()[0]["addr"], str)
        assert client.connection_pool.connection_kwargs["db"] == 3


@pytest.mark.parametrize("option", ["foo=1", "retry=3", "timeout=3", "connection_class=x", "ssl_ca_certs=/ca.pem"])
def test_an_option_that_the_client_has_not_is_named(option: str) -> None:
    """Before anything connects, instead of an error of Python's at the first command."""
    for make in (connect, connect_sync):
        with pytest.raises(UsageError, match=f"CLOUT_REDIS has .*{option.partition('=')[0]}"):
            make(f"redis://u:s3cret@h/0?socket_timeout=1&{option}")


def test_addresses_hide_who_logs_in() -> None:
    """Host and port only."""
    assert address("rediss://me:s3cret@example.org:7000/2?ssl_ca_certs=x") == "example.org:7000"
    assert address("redis://") == "localhost:6379"
    assert address("unix:///run/redis.sock") == "/run/redis.sock"
    assert "loading" in str(down(BusyLoadingError("LOADING"), "h:1"))


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_connection_that_is_gone(any_redis: str, loop: str) -> None:
    """A command finds out when it is sent, and goes over another; uvloop's own error escapes nobody who expects RedisError."""
    run = asyncio.run if loop == "asyncio" else pytest.importorskip("uvloop").run

    async def story() -> None:
        client: Any = connect(any_redis)
        await client.set("gone", 1, ex=60)
        client.connection_pool._available_connections[0]._writer.transport.abort()
        await asyncio.sleep(0)
        assert await client.get("gone") == b"1"
        await client.aclose()

    run(story())
