"""Mail by SMTP: a text for people, over a connection whose address was looked at."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib
import orjson

from agents.alerting.addresses import connected
from agents.alerting.attempts import Around, Outcome
from agents.alerting.bodies import about, time_of
from agents.alerting.signing import webhook_id
from streams.errors import CloutError
from streams.formats.deliveries import Delivery
from streams.logins import Secret
from streams.model.channels import Channel
from streams.policies.channels import MAILS, bad_url

_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_MOST_SUBJECT = 200
_REST_S = 0.5  # for saying good-bye: the mail was accepted
_FOR_GOOD = 500  # answers from here on stay so


class Mail:
    """One connection an attempt."""

    def __init__(self, around: Around) -> None:
        self._around = around

    async def send(self, channel: Channel, one: Delivery) -> Outcome:
        """See Sender."""
        parts, login = self._whereto(channel)
        message = written(channel, one, self._around.now_s())
        try:
            async with asyncio.timeout(channel.timeout_s):
                socket = await connected(parts.hostname or "", parts.port or _PORTS[parts.scheme], self._around.allowed)
                client = aiosmtplib.SMTP(
                    hostname=parts.hostname,
                    sock=socket,
                    use_tls=parts.scheme == "smtps",
                    start_tls=parts.scheme == "smtp",
                    tls_context=self._around.tls,
                    username=login[0] if login else None,
                    password=login[1] if login else None,
                    timeout=channel.timeout_s,
                )
                try:
                    await client.connect()
                    refused, said = await client.send_message(message)
                except BaseException:
                    client.close()
                    socket.close()
                    raise
        except aiosmtplib.SMTPRecipientsRefused as error:
            return Outcome(False, _refusals({one.recipient: one for one in error.recipients}))
        except aiosmtplib.SMTPResponseException as error:
            return Outcome(False, f"answered {error.code}: {error.message}")
        except aiosmtplib.SMTPTimeoutError:
            raise TimeoutError from None
        except aiosmtplib.SMTPException as error:
            if isinstance(error.__cause__, OSError):
                raise error.__cause__ from None
            return Outcome(False, str(error) or type(error).__name__)
        with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):  # it is accepted, whatever follows
            async with asyncio.timeout(_REST_S):
                await client.quit()
        client.close()
        socket.close()
        if not refused:
            return Outcome(True, f"accepted: {said}")
        # who is refused for good does not make the others get it again and again
        return Outcome(all(one.code >= _FOR_GOOD for one in refused.values()), _refusals(refused))

    def _whereto(self, channel: Channel) -> tuple[SplitResult, tuple[str, str] | None]:
        """The URL, and user and password. Raises CloutError."""
        secrets = self._around.secrets
        url = secrets.url(channel.url)
        if reason := bad_url(url, MAILS, login=url != channel.url):
            wanted = " or ".join(f"{scheme}://host" for scheme in MAILS)
            raise CloutError(
                f"the URL cannot be used: {reason}"
                if url == channel.url
                else f"{channel.url} is no URL; write {wanted}"
            )
        parts = urlsplit(url)
        if channel.user:
            login = channel.user, secrets.get(channel.password or "")
        elif parts.username:
            login = unquote(parts.username), Secret(unquote(parts.password or ""))
        else:
            return parts, None
        if parts.scheme == "smtp+plain":
            raise CloutError("a login over a connection without TLS gives it away; write smtp:// or smtps://")
        return parts, login

    async def close(self) -> None:
        """See Sender."""


def written(channel: Channel, one: Delivery, now_s: float) -> EmailMessage:
    """The mail. `Message-ID` is the same in each attempt; a reply to the mail that said it was raised."""
    alert: dict[str, Any] = orjson.loads(bytes(one.alert))
    message = EmailMessage()
    message["From"] = channel.sender
    message["To"] = ", ".join(channel.to)
    message["Subject"] = f"[Clout] {_line(str(alert.get('sentence', '')))}"[:_MOST_SUBJECT]
    message["Date"] = email.utils.formatdate(now_s, usegmt=True)
    domain = channel.sender.rpartition("@")[2]
    message["Message-ID"] = f"<{webhook_id(one.id)}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    group, _, state = one.id.rpartition("/")
    if state in ("recovered", "settled"):
        message["In-Reply-To"] = message["References"] = f"<{webhook_id(f'{group}/raised')}@{domain}>"
    message.set_content(text(alert))
    return message


def text(alert: dict[str, Any]) -> str:
    """An alert, or several, for people."""
    if alert.get("type") == "digest":
        lines = [f"- {time_of(some)}  {some.get('sentence', '')}" for some in alert.get("alerts", ())]
        if (more := int(alert.get("count", 0)) - len(lines)) > 0:
            lines.append(f"- and {more:,} more: `clout alerts` has them all")
        return "\n".join([str(alert.get("sentence", "")), "", *lines, ""])
    lines = [str(alert.get("sentence", "")), ""]
    facts = {
        "when": time_of(alert),
        "about": about(alert),
        "rule": alert.get("rule"),
        "state": alert.get("state"),
        "severity": alert.get("severity"),
        "score": alert.get("score"),
        "change": alert.get("change"),
        "causes": ", ".join(f"{one.get('points', 0):+.1f} {one.get('cause')}" for one in alert.get("causes", ())),
        "objects": ", ".join(alert.get("objects", ())),
        "people": ", ".join(alert.get("people", ())),
    }
    lines += [f"{name:9} {value}" for name, value in facts.items() if value not in (None, "")]
    return "\n".join([*lines, ""])


def _refusals(refused: Mapping[str, Any]) -> str:
    """Of each address its code and what was said."""
    return "refuses " + ", ".join(f"{to} ({one.code} {one.message})" for to, one in refused.items())


def _line(said: str) -> str:
    return " ".join(str(said).split())[:_MOST_SUBJECT]
