"""How a client of Kafka connects, with TLS and login: one place for aiokafka, kafka-python and Faust."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streams.errors import UsageError
from streams.settings import Settings

if TYPE_CHECKING:
    from faust.auth import Credentials


def connection(settings: Settings) -> dict[str, Any]:
    """Keyword arguments of every client of aiokafka and of kafka-python. Raises UsageError that names the wrong setting."""
    given: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.split(","),
        "security_protocol": settings.kafka_security,
        "ssl_context": context(settings),
    }
    if has_login(settings):
        given |= {
            "sasl_mechanism": settings.kafka_mechanism,
            "sasl_plain_username": settings.kafka_user,
            "sasl_plain_password": settings.kafka_secret,
        }
    return given


def credentials(settings: Settings) -> Credentials | None:
    """The same for Faust, whose consumers and producers take nothing else."""
    from faust.auth import SASLCredentials, SSLCredentials

    tls = context(settings)
    if has_login(settings):
        return SASLCredentials(
            username=settings.kafka_user,
            password=settings.kafka_secret,
            ssl_context=tls,
            mechanism=settings.kafka_mechanism,
        )
    return SSLCredentials(tls) if tls else None


def has_login(settings: Settings) -> bool:
    """Is there a user who logs in?"""
    return settings.kafka_security.startswith("SASL_")


def context(settings: Settings) -> ssl.SSLContext | None:
    """What TLS trusts and shows; None without TLS. Raises UsageError that names the wrong setting."""
    if not settings.kafka_security.endswith("SSL"):
        return None
    tls = ssl.create_default_context()
    if settings.kafka_ca:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # these authorities and no others
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        _readable(settings.kafka_ca, "CLOUT_KAFKA_CA")
        try:
            tls.load_verify_locations(settings.kafka_ca)
        except (ssl.SSLError, ValueError):
            raise _wrong("CLOUT_KAFKA_CA", settings.kafka_ca, "holds no certificate in PEM form") from None
    tls.check_hostname = settings.kafka_check_hostname
    if settings.kafka_certificate:
        _show(tls, settings)
    return tls


def _show(tls: ssl.SSLContext, settings: Settings) -> None:
    """Our own certificate, for brokers that want one."""
    certificate, key = settings.kafka_certificate, settings.kafka_key or settings.kafka_certificate
    variable = "CLOUT_KAFKA_KEY" if settings.kafka_key else "CLOUT_KAFKA_CERTIFICATE"
    _readable(certificate, "CLOUT_KAFKA_CERTIFICATE")
    _readable(key, variable)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(certificate)
    except (ssl.SSLError, ValueError):
        raise _wrong("CLOUT_KAFKA_CERTIFICATE", certificate, "holds no certificate in PEM form") from None
    try:
        # always a password: without one OpenSSL would ask for it on the terminal
        tls.load_cert_chain(certificate, key, password=settings.kafka_key_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise _wrong(variable, key, f"the key does not belong to the certificate in {certificate}") from None
        what = "does not open with" if settings.kafka_key_password else "holds no key in PEM form, or one that needs"
        raise _wrong(variable, key, f"{what} CLOUT_KAFKA_KEY_PASSWORD") from None
    except ValueError:
        raise _wrong(variable, key, "holds no key in PEM form") from None


def _readable(path: str, variable: str) -> None:
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except OSError as error:
        raise _wrong(variable, path, f"cannot be read ({error.strerror})") from None


def _wrong(variable: str, path: str, what: str) -> UsageError:
    return UsageError(f"{variable}={path}: {what}")
