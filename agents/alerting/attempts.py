"""One attempt to deliver a message, by the kind of its channel: what came of it, in words that hold no secret."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import NamedTuple, Protocol

from agents.alerting.addresses import Allowed
from agents.alerting.secrets import Secrets
from streams.errors import CloutError
from streams.formats.deliveries import Delivery
from streams.model.channels import Channel

log = logging.getLogger("clout.alerting")


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
        return f"TLS fails: {error.reason or 'no TLS there'}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


async def tried(sender: Sender, channel: Channel, one: Delivery) -> Outcome:
    """One attempt, whatever becomes of it. It takes a second longer than the channel says, at most."""
    try:
        async with asyncio.timeout(channel.timeout_s + 1.0):
            return await sender.send(channel, one)
    except (CloutError, OSError, TimeoutError) as error:
        return Outcome(False, plain(error))
    except Exception as error:  # a library that fails in a way nobody knew of fails for one message
        log.exception("channel %s: an attempt failed in a way that nobody knew of", channel.name)
        return Outcome(False, type(error).__name__)
