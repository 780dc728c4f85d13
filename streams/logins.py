"""Who Kafka and Redis are told we are: secrets out of files, and which settings of TLS and login fit together."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streams.errors import UsageError

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_MOST_BYTES = 65_536  # a longer file is no password


class Secret(str):
    """A text that is not shown by accident: clients log their whole configuration."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def from_file(path: str, variable: str) -> Secret:
    """The secret in a file, without the line ends after it. Raises UsageError that names the variable."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(_MOST_BYTES + 1).decode().rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        raise UsageError(f"{variable}={path}: cannot be read ({reason}): name a file that holds the password") from None
    if not text or len(text) >= _MOST_BYTES:
        what = "is too large" if text else "is empty"
        raise UsageError(f"{variable}={path}: {what}: the file holds the password and nothing else")
    return Secret(text)


def misfits(given: Any) -> list[str]:
    """What is wrong with the settings of TLS and login, one line each. `given` is the Settings, which stand above this."""
    return [*_kafkas(given), *_tls(given), *_files(given)]


def _kafkas(given: Any) -> list[str]:
    security, passwords = given.kafka_security, bool(given.kafka_password) + bool(given.kafka_password_file)
    if not security.startswith("SASL_"):
        named = [name for name in ("user", "password", "password_file") if getattr(given, f"kafka_{name}")]
        with_login = "SASL_SSL" if security == "SSL" else "SASL_PLAINTEXT or SASL_SSL"
        return [
            f"CLOUT_KAFKA_{name.upper()} is set, and CLOUT_KAFKA_SECURITY={security} has no login: set it to {with_login}"
            for name in named
        ]
    wrong = []
    if not given.kafka_user:
        wrong.append(f"CLOUT_KAFKA_SECURITY={security} needs a login: set CLOUT_KAFKA_USER")
    if not passwords:
        wrong.append(
            f"CLOUT_KAFKA_SECURITY={security} needs a login: set CLOUT_KAFKA_PASSWORD_FILE or CLOUT_KAFKA_PASSWORD"
        )
    return wrong


def _tls(given: Any) -> list[str]:
    wrong = []
    if not given.kafka_security.endswith("SSL"):
        with_tls = "SASL_SSL" if given.kafka_security.startswith("SASL_") else "SSL or SASL_SSL"
        wrong = [
            f"CLOUT_KAFKA_{name.upper()} is set, and CLOUT_KAFKA_SECURITY={given.kafka_security} has no TLS: set it to {with_tls}"
            for name in ("ca", "certificate", "key", "key_password")
            if getattr(given, f"kafka_{name}")
        ]
    elif not given.kafka_certificate:
        wrong = [
            f"CLOUT_KAFKA_{name.upper()} is set without CLOUT_KAFKA_CERTIFICATE: name the certificate that it belongs to"
            for name in ("key", "key_password")
            if getattr(given, f"kafka_{name}")
        ]
    return wrong


def _files(given: Any) -> list[str]:
    wrong = []
    if given.kafka_password and given.kafka_password_file:
        wrong.append("CLOUT_KAFKA_PASSWORD and CLOUT_KAFKA_PASSWORD_FILE are both set: keep one")
    if given.redis_password_file and _has_password(given.redis):
        wrong.append("CLOUT_REDIS has a password and CLOUT_REDIS_PASSWORD_FILE is set: keep one")
    for name in ("kafka_password_file", "redis_password_file"):
        if path := getattr(given, name):
            try:
                from_file(path, f"CLOUT_{name.upper()}")
            except UsageError as error:
                wrong.append(str(error))
    return wrong


def _has_password(url: str) -> bool:
    try:
        return bool(urlsplit(url).password) or "password=" in urlsplit(url).query
    except ValueError:
        return False
