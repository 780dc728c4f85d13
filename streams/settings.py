"""All settings: each documented where it is declared, read from `CLOUT_*` variables and flags, all problems reported at once."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from streams.errors import UsageError
from streams.logins import MECHANISMS, PROTOCOLS, Secret, from_file, misfits
from streams.model.versions import MODELS


def _setting(
    default: Any, doc: str, *, at_least: float | None = None, choices: tuple[str, ...] = (), secret: bool = False
) -> Any:
    return field(default=default, metadata={"doc": doc, "at_least": at_least, "choices": choices, "secret": secret})


_KAFKAS_LEAST_S = 6  # group.min.session.timeout.ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Effective settings of one process. `Settings.load()` reads the environment."""

    kafka: str = _setting("localhost:9092", "Kafka brokers, `host:port`, several with commas")
    redis: str = _setting(
        "redis://localhost:6379/0", "Redis URL; `rediss://` for TLS, `redis://user:password@host` for a login"
    )
    kafka_security: str = _setting(
        "PLAINTEXT", "what the Kafka listener speaks: with TLS, with a login", choices=PROTOCOLS
    )
    kafka_mechanism: str = _setting("SCRAM-SHA-512", "how the Kafka login goes", choices=MECHANISMS)
    kafka_user: str = _setting("", "Kafka user, for the SASL protocols")
    kafka_password: str = _setting("", "its password; a variable only, no flag", secret=True)
    kafka_password_file: str = _setting("", "a file that holds the password of the Kafka user, instead")
    kafka_ca: str = _setting("", "PEM file of the authorities that sign the brokers' certificates; empty: the system's")
    kafka_certificate: str = _setting("", "PEM file of our own certificate, where brokers want one")
    kafka_key: str = _setting("", "PEM file of its key; empty: in the same file")
    kafka_key_password: str = _setting("", "password of that key; a variable only, no flag", secret=True)
    kafka_check_hostname: bool = _setting(True, "must a broker's certificate be for its address?")
    redis_password_file: str = _setting(
        "", "a file that holds the password of the Redis user, who is named in the URL (`redis://user@host`)"
    )
    app: str = _setting("clout", "name of the application: consumer group and transaction ids")
    name: str = _setting(
        "",
        "name of this worker, the same after each restart: it gets its partitions back and nobody else notices; empty: none",
    )
    topic_prefix: str = _setting("", "put before every topic name")
    partitions: int = _setting(4, "partitions of every topic; cannot be changed later", at_least=1)
    replication: int = _setting(
        -1, "replicas of a topic made by `clout topics create`; -1: the broker's default", at_least=-1
    )
    model: str = _setting("clout-1", "name of the scoring model", choices=("default", *sorted(MODELS)))
    clock: str = _setting(
        "wall",
        "what `now` is: `wall`, or `stream` (newest event time) when history is replayed",
        choices=("wall", "stream"),
    )
    transactions: bool = _setting(
        True, "keep rows in Kafka and publish in transactions; off for a broker that has none (the demo's)"
    )
    interval_ms: int = _setting(
        0,
        "how long changes are collected before they are published; grows by itself under load. 0: 250 with transactions, "
        "20 without",
        at_least=0,
    )
    block_records: int = _setting(2_000, "most records in one block", at_least=1)
    fetch_wait_ms: int = _setting(
        20,
        "how long a broker may hold back a fetch to fill it; with many partitions up to 100: 0.2 for each of each topic",
        at_least=1,
    )
    fetch_min_bytes: int = _setting(65_536, "a fetch returns at once when this much is there", at_least=1)
    compression: str = _setting(
        "none",
        "how what is sent to Kafka is compressed: `lz4` takes little CPU, `zstd` the least room and network",
        choices=("none", "gzip", "snappy", "lz4", "zstd"),
    )
    session_timeout_s: int = _setting(
        10, "a worker that is silent for so long loses its partitions; with transactions at least 6", at_least=2
    )
    stall_s: int = _setting(
        60,
        "a worker that has something to do and gets nothing done for so many seconds ends, and the next one goes on",
        at_least=10,
    )
    idle_s: float = _setting(5.0, "seconds between two passes for idle users", at_least=0.1)
    lines_s: float = _setting(
        60.0,
        "least seconds between two looks at where percentiles and the top N begin, for rules that ask for them",
        at_least=0.1,
    )
    gaps: bool = _setting(
        True, "notice when nothing comes from a network any more, so that what fades meanwhile raises no alert"
    )
    day_closes: str = _setting(
        "00:00",
        "when a day closes, UTC, `HH:MM` or `HH:MM:SS`: scores of that moment go to the history, and falls are judged against them",
    )
    alert_points: float = _setting(
        1.5, "points of the built-in rule `day-fall`: how far a score falls below its last daily close", at_least=0.1
    )
    alert_cooldown_h: float = _setting(
        6.0, "hours between two alerts of one built-in rule about one user; other rules say it themselves", at_least=0
    )
    channels: str = _setting(
        "",
        "a TOML file of channels that alerts go to, beside those of the topic `policies`; it wins where both name one",
    )
    secrets: str = _setting(
        "", "a folder of files, each a secret of that name; a variable CLOUT_SECRET_NAME comes first"
    )
    alerting_inside: str = _setting(
        "",
        "hosts and networks inside that alerts may go to, with commas: `alerts.internal,10.1.0.0/16`; outside all are allowed",
    )
    alerting_ca: str = _setting(
        "", "PEM file of authorities that sign the certificates of receivers, beside the system's"
    )
    api_open: str = _setting(
        "loopback",
        "may anybody read from the API without a token? `loopback`: where it listens on a loopback address; writes never",
        choices=("loopback", "true", "false"),
    )
    api_limit: int = _setting(
        600,
        "most requests to the API a minute, for each token; without one for each address, in each process; 0: no limit",
        at_least=0,
    )
    api_streams: int = _setting(
        10_000, "most listeners to `/v1/stream` at once, in each process; more get 503", at_least=1
    )
    api_stream_age_s: float = _setting(
        3600.0, "longest time that one of them is served before it has to come back; a fifth less by chance", at_least=1
    )
    api_cors: str = _setting(
        "", "origins whose pages may use the API, with commas: `https://a.example,https://b.example`; `*`: all"
    )
    api_prefix: str = _setting("", "the path under which a proxy serves the API, as in `/clout`")
    redis_prefix: str = _setting("clout", "put before every Redis key")
    redis_shards: int = _setting(1, "over how many hash tags the Redis keys are spread", at_least=1)
    redis_cluster: bool = _setting(False, "is the Redis URL one node of a Redis Cluster?")
    log_level: str = _setting("info", "how much is logged", choices=("debug", "info", "warning", "error"))

    @property
    def interval_s(self) -> float:
        """The interval when there is little to do."""
        return (self.interval_ms or (250 if self.transactions else 20)) / 1000

    @property
    def origins(self) -> list[str]:
        """Of whose pages the API may be used."""
        return [origin.strip() for origin in self.api_cors.split(",") if origin.strip()]

    @property
    def day_closes_ms(self) -> int:
        """When a day closes, ms after midnight, UTC."""
        hours, minutes, seconds = (*map(int, self.day_closes.split(":")), 0)[:3]
        return ((hours * 60 + minutes) * 60 + seconds) * 1000

    @property
    def kafka_secret(self) -> Secret:
        """The password of the Kafka user, read now if it is in a file. Raises UsageError when the file has gone."""
        file = self.kafka_password_file
        return from_file(file, "CLOUT_KAFKA_PASSWORD_FILE") if file else Secret(self.kafka_password)

    @property
    def redis_secret(self) -> Secret:
        """The password of the Redis user that is in a file, else empty. Raises UsageError when the file has gone."""
        file = self.redis_password_file
        return from_file(file, "CLOUT_REDIS_PASSWORD_FILE") if file else Secret()

    def topic(self, name: str) -> str:
        """The full name of a topic of the registry."""
        return self.topic_prefix + name

    def transactional_id(self, number: int) -> str:
        """Who writes for this partition number: whoever starts a producer of that id fences the one before."""
        return f"{self.app}-{self.topic_prefix}{number}"

    def source_id(self, name: str) -> str:
        """The transactional id of who feeds from a live source: of two the later fences the earlier."""
        return f"{self.app}-{self.topic_prefix}source-{name}"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        """From `CLOUT_*` variables, then `overrides` (None means not given). Raises UsageError naming all problems."""
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        problems: list[str] = []
        for f in fields(cls):
            variable = variable_of(f.name)
            given = overrides.pop(f.name, None)
            text, where = (
                (given, f"--{f.name.replace('_', '-')}") if given is not None else (environ.get(variable), variable)
            )
            if text is None or (where == variable and (text == "" or is_foreign(variable, text))):
                continue
            try:
                values[f.name] = _read(text, f)
            except ValueError as error:
                problems.append(f"{where}={_shown(f, str(text))}: {error}")
        problems += [f"no setting named {name}" for name in overrides]
        settings = cls(**values)
        problems += settings._wrong()
        if problems:
            raise UsageError("\n".join(problems))
        return settings

    def _wrong(self) -> list[str]:
        found = []
        if not all(re.fullmatch(r"[^\s:/]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", part) for part in self.kafka.split(",")):
            found.append(f"CLOUT_KAFKA={self.kafka}: expected host:port[,host:port...]")
        elif not all(0 < int(part.rpartition(":")[2]) < 65_536 for part in self.kafka.split(",")):
            found.append(f"CLOUT_KAFKA={self.kafka}: a port is a number from 1 to 65535")
        try:
            scheme = urlsplit(self.redis).scheme
        except ValueError:
            scheme = ""
        if scheme not in ("redis", "rediss", "unix"):
            found.append(
                f"CLOUT_REDIS={_masked(self.redis)}: expected redis://host:port/db, rediss://... or unix://..."
            )
        found.extend(
            f"{variable_of(name)}={getattr(self, name)}: letters, digits, '.', '_' and '-' only, at most 80"
            for name in ("topic_prefix", "app", "name")
            if not re.fullmatch(r"[A-Za-z0-9._-]{0,80}", getattr(self, name))
        )
        if self.transactions and self.session_timeout_s < _KAFKAS_LEAST_S:
            found.append(
                f"CLOUT_SESSION_TIMEOUT_S={self.session_timeout_s}: expected at least {_KAFKAS_LEAST_S}, the least that Kafka takes"
            )
        if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", self.day_closes):
            found.append(f"CLOUT_DAY_CLOSES={self.day_closes}: expected a time of day, UTC, such as 00:00 or 23:59:30")
        if not self.app:
            found.append("CLOUT_APP is empty")
        if re.search(r"[{}\s]", self.redis_prefix) or not self.redis_prefix:
            found.append(f"CLOUT_REDIS_PREFIX={self.redis_prefix!r}: not empty, no braces, no spaces")
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", self.api_prefix):
            found.append(
                f"CLOUT_API_PREFIX={self.api_prefix}: expected a path such as /clout, without a slash at its end"
            )
        found.extend(
            f"CLOUT_API_CORS: {origin!r} is no origin; expected https://host or https://host:port, or * for all"
            for origin in self.origins
            if origin != "*"
            and not re.fullmatch(r"https?://[A-Za-z0-9._-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?", origin)
        )
        return found + misfits(self)

    def shown(self) -> dict[str, Any]:
        """The effective values by variable name, secrets hidden."""
        return {variable_of(f.name): _shown(f, getattr(self, f.name)) for f in fields(self)}

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in self.shown().items())})"


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    return f"CLOUT_{name.upper()}"


_SERVICE = re.compile(
    r"CLOUT(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(ADDR|PORT|PROTO|START|END))?|ENV_\w+)"
)


def is_foreign(variable: str, value: str) -> bool:
    """Did Kubernetes or Docker set it for a service or link called `clout...`? Then it is no setting of ours.

    For a service `clout-worker` they set CLOUT_WORKER_PORT=tcp://10.96.0.12:8000, CLOUT_WORKER_SERVICE_HOST and more.
    """
    if not variable.startswith("CLOUT_"):
        return False
    if variable.endswith("_PORT") and re.match(r"(tcp|udp|sctp)://", value, re.IGNORECASE):
        return True
    if variable.endswith("_NAME") and value.startswith("/"):
        return True
    return bool(_SERVICE.fullmatch(variable))


def table() -> list[tuple[str, str, str]]:
    """(variable, default, what it is) of every setting, for the README."""
    return [(variable_of(f.name), str(f.default), f.metadata["doc"]) for f in fields(Settings)]


def _read(text: Any, f: Any) -> Any:
    kind, least, choices = type(f.default), f.metadata["at_least"], f.metadata["choices"]
    if kind is bool:
        if isinstance(text, bool):
            return text
        if str(text).lower() in ("1", "true", "yes", "on"):
            return True
        if str(text).lower() in ("0", "false", "no", "off"):
            return False
        raise ValueError("expected true or false")
    if kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            raise ValueError("expected a whole number" if kind is int else "expected a number") from None
        if math.isnan(value) or (least is not None and value < least):
            raise ValueError(f"expected at least {least}")
        return value
    if choices and text not in choices:
        raise ValueError(f"expected one of {', '.join(choices)}")
    return str(text)


def _shown(f: Any, value: Any) -> Any:
    """A value as it may be shown."""
    if f.metadata["secret"]:
        return "***" if value else ""
    return _masked(value) if isinstance(value, str) else value


def _masked(text: str) -> str:
    """A URL without its password, wherever it stands."""
    hidden = re.sub(r"(://[^:/@?]*:).*@", r"\1***@", text)
    return re.sub(r"(password=)[^&]*", r"\1***", hidden)
