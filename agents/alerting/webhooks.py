"""Webhooks: one POST an attempt, signed, to an address that was looked at; redirects are not followed, answers not trusted."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import socket
from importlib.metadata import version

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from agents.alerting import bodies, signing
from agents.alerting.addresses import Allowed, check_literal, resolved
from agents.alerting.attempts import Around, Outcome, plain
from streams.errors import CloutError
from streams.formats.deliveries import Delivery
from streams.model.channels import Channel
from streams.policies.channels import bad_url

_SCHEMES = ("https", "http")

LONGEST_WAIT_S = 3_600.0  #: that a receiver may ask for
_READ = 65_536  # bytes of an answer: more is not waited for
_REST_S = 1.0
_GONE = 410
_BUSY = (429, 503)


class Webhooks:
    """All of them share connections."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_Resolver(around.allowed), ssl=around.tls, limit=0, limit_per_host=16
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"Clout/{version('clout')}"},
            trust_env=False,  # a proxy would connect to what was not looked at
            auto_decompress=False,
        )

    async def send(self, channel: Channel, one: Delivery) -> Outcome:
        """See Sender."""
        secrets = self._around.secrets
        url = _url(channel, secrets.url(channel.url))
        check_literal(url.host or "", self._around.allowed)
        content_type, body = bodies.body(
            channel.body, one, self._around.app, secrets.get(channel.key) if channel.key else ""
        )
        now_s = int(self._around.now_s())
        headers = signing.headers(one.id, now_s, body, [secrets.get(name) for name in channel.sign])
        headers["Content-Type"] = content_type
        if channel.token:
            headers["Authorization"] = f"Bearer {secrets.get(channel.token)}"
        timeout = aiohttp.ClientTimeout(total=channel.timeout_s)
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                return await self._outcome(answer, now_s)
        except TimeoutError:  # some of aiohttp's name the URL
            said = "no answer in time"
        except aiohttp.ClientConnectorCertificateError as error:
            said = plain(error.certificate_error)  # type: ignore[arg-type]
        except aiohttp.ClientSSLError as error:
            said = plain(error.os_error)
        except aiohttp.ClientConnectorError as error:
            said = plain(error.os_error)
        except aiohttp.ClientResponseError as error:  # as text it has the URL
            said = f"what it answers is no HTTP: {error.message}"
        except aiohttp.ClientConnectionError as error:
            said = f"the connection fails: {str(error) or type(error).__name__}"
        except aiohttp.ClientError as error:
            said = f"the connection fails ({type(error).__name__})"
        return Outcome(False, said)

    async def close(self) -> None:
        """See Sender."""
        await self._session.close()

    async def _outcome(self, answer: aiohttp.ClientResponse, now_s: float) -> Outcome:
        status = answer.status
        if 200 <= status < 300:
            with contextlib.suppress(TimeoutError, aiohttp.ClientError):  # it is delivered, whatever follows
                await asyncio.wait_for(answer.content.read(_READ), _REST_S)
            return Outcome(True, f"answered {status}")
        if 300 <= status < 400:
            return Outcome(False, f"answered {status}, a redirect; redirects are not followed: write where it leads to")
        if status == _GONE:
            return Outcome(False, "answered 410: there is nobody any more", gone=True)
        said = ""
        with contextlib.suppress(TimeoutError, aiohttp.ClientError):
            said = (await asyncio.wait_for(answer.content.read(_READ), _REST_S)).decode(errors="replace")
        wait_s = _wait_s(answer.headers.get("Retry-After", ""), now_s) if status in _BUSY else 0.0
        return Outcome(False, f"answered {status}{f': {said}' if said else ''}", wait_ms=1_000 * wait_s)


class _Resolver(AbstractResolver):
    """Names to addresses that were looked at, and no others are connected to."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raises OSError, as aiohttp wants it, for one that must not be reached."""
        return [
            ResolveResult(
                hostname=host, host=str(at[0]), port=port, family=kind, proto=proto, flags=socket.AI_NUMERICHOST
            )
            for kind, _, proto, _, at in await resolved(host, port, self._allowed)
            if family in (socket.AF_UNSPEC, kind)
        ]

    async def close(self) -> None:
        """It has nothing to close."""


def _url(channel: Channel, text: str) -> URL:
    """As aiohttp reads it. A secret one may hold a login, and of what is wrong with it nothing is said. Raises CloutError."""
    secret = text != channel.url
    if reason := bad_url(text, _SCHEMES, login=secret):
        raise CloutError(
            f"{channel.url} is no URL; write https://host" if secret else f"the URL cannot be used: {reason}"
        )
    try:
        url = URL(text)
    except ValueError:
        raise CloutError("the URL cannot be used") from None
    if channel.token and url.user is not None:
        raise CloutError(f"{channel.url} holds a login, and the channel has a token: there is room for one of them")
    return url


def _wait_s(text: str, now_s: float) -> float:
    """Of Retry-After: seconds, or a date."""
    if text.isdecimal():
        return min(float(text), LONGEST_WAIT_S)
    with contextlib.suppress(ValueError, OverflowError):
        return min(max(email.utils.parsedate_to_datetime(text).timestamp() - now_s, 0.0), LONGEST_WAIT_S)
    return 0.0
