"""Why Kafka cannot be used: its addresses are asked step by step after a client has failed; with what to do about it."""

from __future__ import annotations

import contextlib
import socket
import ssl

from streams.broker.handshake import Line, Silent
from streams.broker.security import context, has_login
from streams.errors import DependencyDown
from streams.settings import Settings

_TIMEOUT_S = 2.0
_MOST_ASKED = 3  # brokers of a large cluster
_OTHER_MECHANISM, _NO_LOGIN = 33, 34  # error codes of Kafka's protocol
_NOT_VALID = {9: "is not yet valid", 10: "has expired"}  # by OpenSSL's reason
_OTHER_NAME = {62, 64}


class _Found(Exception):
    """What is wrong with an address that answers."""


def down(settings: Settings, otherwise: str) -> DependencyDown:
    """What a person is told after a client has failed; `otherwise` when the address answers as it should. Blocks for seconds.

    Raises UsageError when a file of the settings is gone meanwhile.
    """
    tls, nobody = context(settings), ""
    for address in settings.kafka.split(",")[:_MOST_ASKED]:
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _TIMEOUT_S).close()
        except OSError as error:
            nobody = nobody or _why_not(error)
            continue
        try:
            _look(settings, tls, host.strip("[]"), int(port))
        except _Found as found:
            return DependencyDown(f"Kafka at {address} {found}")
        except (OSError, Silent):
            pass
        return DependencyDown(otherwise)
    return DependencyDown(f"no Kafka at {settings.kafka} ({nobody}); start it or set CLOUT_KAFKA")


def _look(settings: Settings, tls: ssl.SSLContext | None, host: str, port: int) -> None:
    """Raises _Found where the way ends. A new connection each time: a broker closes one after what it does not expect."""
    try:
        with Line(host, port, tls, _TIMEOUT_S) as line:
            line.versions()
    except ssl.SSLError as error:
        raise _Found(_tls(error, settings) or _other(tls, host, port)) from None
    except (Silent, OSError):
        raise _Found(_other(tls, host, port)) from None
    with Line(host, port, tls, _TIMEOUT_S) as line:
        line.versions()
        if has_login(settings):
            _log_in(line, settings, host)
        try:
            brokers = line.brokers()
        except Silent:
            with Line(host, port, tls, _TIMEOUT_S) as again:
                raise _Found(_login_wanted(again, settings)) from None
    for name, number in brokers[:_MOST_ASKED]:
        _reach(name, number)


def _log_in(line: Line, settings: Settings, host: str) -> None:
    from kafka.net.sasl import get_sasl_mechanism

    code, known = line.mechanisms(settings.kafka_mechanism)
    if code == _OTHER_MECHANISM:
        raise _Found(f"knows no login {settings.kafka_mechanism}: set CLOUT_KAFKA_MECHANISM={' or '.join(known)}")
    if code == _NO_LOGIN:
        plain = settings.kafka_security.removeprefix("SASL_")
        raise _Found(
            f"has no login there: set CLOUT_KAFKA_SECURITY={plain} without a user, or use the port that has one"
        )
    login = get_sasl_mechanism(settings.kafka_mechanism)(
        host=host,
        security_protocol=settings.kafka_security,
        sasl_mechanism=settings.kafka_mechanism,
        sasl_plain_username=settings.kafka_user,
        sasl_plain_password=settings.kafka_secret,
    )
    while not login.is_done():
        code, message, token = line.authenticate(login.auth_bytes())
        if code:
            where = "CLOUT_KAFKA_PASSWORD_FILE" if settings.kafka_password_file else "CLOUT_KAFKA_PASSWORD"
            raise _Found(
                f"refuses the user {settings.kafka_user} or the password ({message}): see CLOUT_KAFKA_USER and {where}"
            )
        login.receive(token)


def _login_wanted(line: Line, settings: Settings) -> str:
    code, known = line.mechanisms("-")
    if code != _OTHER_MECHANISM:
        return "closes the connection when it is asked for its brokers: see its log"
    return (
        f"wants a login ({', '.join(known)}): set CLOUT_KAFKA_SECURITY=SASL_{settings.kafka_security}, "
        "CLOUT_KAFKA_MECHANISM, CLOUT_KAFKA_USER and CLOUT_KAFKA_PASSWORD_FILE"
    )


def _tls(error: ssl.SSLError, settings: Settings) -> str:
    """What a failed TLS handshake says; empty when the other side may not speak TLS at all."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _NOT_VALID:
            return f"has a certificate that {_NOT_VALID[error.verify_code]}: renew it there, or compare the clocks"
        if error.verify_code in _OTHER_NAME:
            return (
                "has a certificate for another name: use the name that it is for in CLOUT_KAFKA and advertised.listeners, "
                "or set CLOUT_KAFKA_CHECK_HOSTNAME=false"
            )
        return f"has a certificate that is not trusted here ({error.verify_message}): set CLOUT_KAFKA_CA to its authority's file"
    reason = error.reason or ""
    if "ALERT" in reason and settings.kafka_certificate:
        return f"refuses the certificate in CLOUT_KAFKA_CERTIFICATE ({_words(reason)}): is it signed by an authority trusted there?"
    if "CERTIFICATE" in reason or "HANDSHAKE_FAILURE" in reason:
        return f"wants a certificate of its clients ({_words(reason)}): set CLOUT_KAFKA_CERTIFICATE and CLOUT_KAFKA_KEY"
    return f"refuses our TLS ({_words(reason)})" if "ALERT" in reason else ""


def _other(tls: ssl.SSLContext | None, host: str, port: int) -> str:
    """What an address says that does not answer as it should: does it speak the other way, without or with TLS?"""
    trusting = None
    if not tls:
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    kind, has, other = ("SSL", "speaks TLS", "without") if trusting else ("PLAINTEXT", "speaks no TLS", "with")
    try:
        with Line(host, port, trusting, _TIMEOUT_S) as line:
            with contextlib.suppress(Silent, ssl.SSLError):
                line.versions()
                kind = f"SASL_{kind}" if line.mechanisms("-")[0] == _OTHER_MECHANISM else kind
                return f"{has}: set CLOUT_KAFKA_SECURITY={kind}, or use its port {other} TLS"
            if trusting:  # a handshake is proof enough; it may want a certificate
                return f"{has}: set CLOUT_KAFKA_SECURITY=SSL or SASL_SSL, or use its port without TLS"
    except OSError:
        pass
    what = "closes the connection" if tls else "takes the connection and does not answer as a Kafka does"
    return f"{what}: is it a Kafka, and the right port? See its log"


def _reach(host: str, port: int) -> None:
    """Does the name that a broker gives itself lead anywhere from here?"""
    try:
        socket.create_connection((host, port), _TIMEOUT_S).close()
    except OSError as error:
        raise _Found(
            f"answers and names itself {host}:{port}, where nobody is reached from here ({_why_not(error)}): set "
            "advertised.listeners there to names that its clients reach"
        ) from None


def _why_not(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "the name does not resolve"
    return "nobody answers in time" if isinstance(error, TimeoutError) else f"{error.strerror or error}".lower()


def _words(reason: str) -> str:
    return reason.replace("_", " ").lower()
