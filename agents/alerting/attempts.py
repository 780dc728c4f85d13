"""One attempt to deliver a message, by the kind of its channel: what came of it, in words that hold no secret."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import ssl
import traceback
from collections.abc import Callable
from typing import NamedTuple, Protocol

from agents.alerting.addresses import Allowed
from agents.alerting.secrets import Secrets
from streams.errors import CloutError
from streams.formats.deliveries import Delivery
from streams.model.channels import Channel

log = logging.getLogger("clout.alerting")

_MOST_SAID = 300  # characters of an outcome
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "UNKNOWN_PROTOCOL")


class Outcome(NamedTuple):
    """What came of it."""

    delivered: bool
    said: str  #: in words; of a failure what was wrong
    gone: bool = False  #: the receiver says that there is nobody any more
    wait_ms: float = 0.0  #: how long it asks to be left alone


class Sender(Protocol):
    """Delivers to channels of one kind."""

    async def send(self, channel: Channel, one: Delivery) -> Outcome:
        """One attempt. Raises CloutError or OSError for what keeps it from being made, TimeoutError."""

    async def close(self) -> None:
        """Nothing more is sent."""


class Around(NamedTuple):
    """What senders need to know."""

    app: str
    secrets: Secrets
    allowed: Allowed
    tls: ssl.SSLContext
    now_s: Callable[[], float]


def tls(ca: str) -> ssl.SSLContext:
    """What certificates are checked with: those of the system, and of a PEM file. Raises OSError."""
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(ca)
    return context


def plain(error: BaseException) -> str:
    """Why an attempt could not be made."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (
            "TLS fails: there is none" if error.reason in _NO_TLS else f"TLS fails: {error.reason or 'no reason given'}"
        )
    if isinstance(error, OSError) and error.errno is not None and error.errno in errno.errorcode:
        return os.strerror(error.errno).lower()
    if isinstance(error, OSError) and error.strerror:  # of a resolver
        return error.strerror.lower()
    return str(error) or type(error).__name__


class Discreet:
    """A sender whose outcomes hold no secret, and are one line that is safe to show."""

    def __init__(self, sender: Sender, secrets: Secrets) -> None:
        self._sender, self._secrets = sender, secrets

    async def send(self, channel: Channel, one: Delivery) -> Outcome:
        """See Sender; what keeps the attempt from being made is an outcome, too."""
        try:
            outcome = await self._sender.send(channel, one)
        except (CloutError, OSError, TimeoutError) as error:
            outcome = Outcome(False, plain(error))
        return outcome._replace(said=_clean(self._secrets.hide(outcome.said)))

    async def close(self) -> None:
        """See Sender."""
        await self._sender.close()


def _clean(text: str) -> str:
    """The beginning, in one line: nothing that commands a terminal, turns the direction of writing or is no UTF-8."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\s]+", " ", text).strip()[
        :_MOST_SAID
    ]


async def tried(sender: Sender, channel: Channel, one: Delivery) -> Outcome:
    """One attempt, whatever becomes of it. It takes a second longer than the channel says, at most."""
    try:
        async with asyncio.timeout(channel.timeout_s + 1.0):
            return await sender.send(channel, one)
    except (CloutError, OSError, TimeoutError) as error:
        return Outcome(False, plain(error))
    except Exception as error:  # noqa: BLE001 - a library that fails in a way nobody knew of fails for one message
        where = "".join(traceback.format_tb(error.__traceback__))  # without what it says, which may be a secret
        what = type(error).__name__
        log.warning("channel %s: an attempt failed in a way that nobody knew of: %s\n%s", channel.name, what, where)
        return Outcome(False, what)
