"""Connections to Redis: one place for timeouts, retries, TLS, Cluster, and for saying clearly what is wrong.

Everything about the connection is in the URL: `redis://user:password@host:6379/0`, `rediss://` for TLS (a private
authority: `?ssl_ca_certs=/path/ca.pem`). A timeout given in the URL (`?socket_timeout=1`) beats the ones here.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, TypeAlias
from urllib.parse import urlsplit

import redis
import redis.asyncio
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialWithJitterBackoff
from redis.cluster import PRIMARY
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoPermissionError,
    RedisClusterException,
    RedisError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from streams.errors import DependencyDown, UsageError
from streams.scoreboard.options import understood

AsyncRedis: TypeAlias = redis.asyncio.Redis | redis.asyncio.RedisCluster

#: longer than a fork or a slow disk stalls a healthy server, shorter than anyone waits for a page
TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 2.0
#: redis-py repeats a command on a lost connection; the default of ten takes up to a minute to say that Redis is down
RETRIES = 3
BACKOFF_S, BACKOFF_CAP_S = 0.05, 0.5
#: a connection idle for longer is tried with PING before use: firewalls drop idle ones silently
HEALTH_CHECK_S = 30
OLDEST_VERSION = (6, 2)


class RedisSettings(Protocol):
    """The part of the settings that is read here; `redis_cluster: bool` and `redis_secret: str` are optional."""

    @property
    def redis(self) -> str:
        """The URL."""


class _Sending:
    """Of a connection whose server has just gone: two errors that nobody expects of Redis, and that redis-py lets through."""

    _writer: Any

    async def _send_packed_command(self, command: Any) -> None:
        if self._writer is None:  # another task, whose command failed, has closed all connections to that node of a cluster
            raise ConnectionResetError("closed while a command waited")
        try:
            await super()._send_packed_command(command)  # type: ignore[misc]  # a connection's
        except RuntimeError as error:  # of uvloop, where asyncio has a ConnectionResetError
            raise ConnectionResetError(str(error)) from error


_CONNECTIONS: dict[Any, Any] = {
    one: type(one.__name__, (_Sending, one), {})
    for one in (redis.asyncio.Connection, redis.asyncio.SSLConnection, redis.asyncio.UnixDomainSocketConnection)
}


class _Cluster(redis.asyncio.RedisCluster):
    """redis-py's client of a cluster, where two of its errors would escape everyone who expects RedisError."""

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """A cluster of which no node answers is down like any other Redis."""
        try:
            return await super().execute_command(*args, **kwargs)
        except RedisClusterException as error:  # no RedisError
            raise RedisConnectionError(str(error)) from error

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> ClusterNode | None:
        """A node without slots is unknown until a slot moves to it: it is met here first, by the name in an ASK."""
        found = super().get_node(host, port, node_name)
        if found is None and node_name:
            name, _, number = node_name.rpartition(":")
            found = ClusterNode(name, int(number), PRIMARY, **self.nodes_manager.connection_kwargs)
            self.nodes_manager.nodes_cache[found.name] = found
        return found


def connect(target: str | RedisSettings, *, timeout_s: float = TIMEOUT_S, retries: int = RETRIES) -> AsyncRedis:
    """A client for a URL or for the settings; connects with its first command. Raises UsageError for a wrong URL."""
    url, cluster, login = _target(target)
    options = _options(timeout_s) | login | {"retry": AsyncRetry(_backoff(), retries)}
    try:
        client = _Cluster.from_url(url, **options) if cluster else redis.asyncio.Redis.from_url(url, **options)
    except (ValueError, TypeError):
        raise _wrong(url) from None  # their text may hold the password
    _with_our_connections(client)
    return client


def connect_sync(target: str | RedisSettings, *, timeout_s: float = TIMEOUT_S, retries: int = RETRIES) -> redis.Redis:
    """The blocking client of one server, for short commands. Raises UsageError for a wrong URL."""
    url, _, login = _target(target)
    try:
        return redis.Redis.from_url(url, **_options(timeout_s), **login, retry=Retry(_backoff(), retries))
    except (ValueError, TypeError):
        raise _wrong(url) from None


async def ping(client: AsyncRedis, within_s: float = TIMEOUT_S) -> str:
    """Name and version of the server, such as `Redis 7.0.15`. Raises DependencyDown with what, where, what to do."""
    where = address(client)
    try:
        async with asyncio.timeout(within_s):
            info: dict[str, Any] = await client.info("server")
    except NoPermissionError:
        return "Redis"  # it answers, and hides its version from this user
    except (RedisError, OSError, TimeoutError) as error:
        raise down(error, where) from error
    found = str(info.get("redis_version", "0"))
    if tuple(int(n) for n in found.split(".")[:2]) < OLDEST_VERSION:
        raise DependencyDown(f"Redis at {where} is version {found}: Clout needs Redis 6.2 or newer, or Valkey")
    return f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {found}"


def address(target: str | AsyncRedis) -> str:
    """Where a URL or a client points, without user and password: `127.0.0.1:6379`."""
    if isinstance(target, str):
        try:
            parts = urlsplit(target)
            host, port = parts.hostname or "localhost", parts.port or 6379
        except ValueError:
            return "(unreadable address)"
        return parts.path if parts.scheme == "unix" else f"{host}:{port}"
    if isinstance(target, redis.asyncio.RedisCluster):
        return ",".join(target.nodes_manager.startup_nodes)
    options = target.connection_pool.connection_kwargs
    return str(options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}")


def down(error: BaseException, where: str) -> DependencyDown:
    """The line a person gets for an error of Redis or of the network."""
    text = str(error)
    if isinstance(error, AuthenticationError) or text.startswith(("NOAUTH", "WRONGPASS")):
        what = (
            "refuses user or password: put them in CLOUT_REDIS as redis://user:password@host:port, or the password alone in "
            "the file that CLOUT_REDIS_PASSWORD_FILE names"
        )
    elif isinstance(error, NoPermissionError):
        what = f"denies its user something ({text}): give it the rights that deploy/README.md lists"
    elif isinstance(error, BusyLoadingError):
        what = "is loading its data: wait until it is ready"
    elif "CERTIFICATE_VERIFY" in text:
        what = "has a certificate that is not trusted here: add ?ssl_ca_certs=/path/ca.pem to CLOUT_REDIS"
    elif isinstance(error, RedisTimeoutError | TimeoutError):
        what = "does not answer in time: is CLOUT_REDIS right, is TLS (rediss://) meant, is it overloaded?"
    else:
        what = f"cannot be used ({text or type(error).__name__}): start it, or set CLOUT_REDIS to where it runs"
    return DependencyDown(f"Redis at {where} {what}")


def _target(target: str | RedisSettings) -> tuple[str, bool, dict[str, str]]:
    """URL, whether it is a cluster's, and the password that is not in the URL."""
    if isinstance(target, str):
        return _understood(target), False, {}
    secret = getattr(target, "redis_secret", "")
    return (
        _understood(target.redis),
        bool(getattr(target, "redis_cluster", False)),
        {"password": secret} if secret else {},
    )


def _understood(url: str) -> str:
    try:
        return understood(url)
    except ValueError:  # a bracket that does not close
        raise _wrong(url) from None


def _with_our_connections(client: AsyncRedis) -> None:
    """Before it has any."""
    if isinstance(client, redis.asyncio.Redis):
        client.connection_pool.connection_class = _CONNECTIONS[client.connection_pool.connection_class]
        return
    manager = client.nodes_manager
    ours = manager.connection_kwargs["connection_class"] = _CONNECTIONS[manager.connection_kwargs["connection_class"]]
    for node in manager.startup_nodes.values():
        node.connection_class = ours


def _options(timeout_s: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": min(timeout_s, CONNECT_TIMEOUT_S),
        "socket_keepalive": True,
        "health_check_interval": HEALTH_CHECK_S,
        "client_name": "clout",
    }


def _backoff() -> ExponentialWithJitterBackoff:
    return ExponentialWithJitterBackoff(base=BACKOFF_S, cap=BACKOFF_CAP_S)


def _wrong(url: str) -> UsageError:
    return UsageError(
        f"the Redis address for {address(url)} cannot be read: expected redis://host:port/db, rediss:// (TLS) or "
        "unix://path; special characters in a password are written %40 for @, %3A for :, %2F for /"
    )
