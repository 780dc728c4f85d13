"""Mail by SMTP: a text for people, over a connection whose address was looked at."""

from __future__ import annotations

import asyncio
import email.utils
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import aiosmtplib
import orjson

from agents.alerting.addresses import connected
from agents.alerting.attempts import Around, Outcome
from agents.alerting.bodies import about, time_of
from agents.alerting.signing import webhook_id
from streams.errors import CloutError
from streams.formats.deliveries import Delivery
from streams.model.channels import Channel
from streams.policies.channels import MAILS

_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_MOST_SUBJECT = 200


class Mail:
    """One connection an attempt."""

    def __init__(self, around: Around) -> None:
        self._around = around

    async def send(self, channel: Channel, one: Delivery) -> Outcome:
        """See Sender."""
        parts = urlsplit(self._around.secrets.url(channel.url))
        if parts.scheme not in MAILS or not parts.hostname:
            raise CloutError(
                f"the URL cannot be used: it begins with none of {', '.join(f'{one}://' for one in MAILS)}"
            )
        password = self._around.secrets.get(channel.password) if channel.password else None
        message = written(channel, one, self._around.now_s())
        async with asyncio.timeout(channel.timeout_s):
            socket = await connected(parts.hostname, parts.port or _PORTS[parts.scheme], self._around.allowed)
            try:
                refused, said = await aiosmtplib.send(
                    message,
                    hostname=parts.hostname,
                    sock=socket,
                    use_tls=parts.scheme == "smtps",
                    start_tls=parts.scheme == "smtp",
                    tls_context=self._around.tls,
                    username=channel.user or None,
                    password=password,
                    timeout=channel.timeout_s,
                )
            except aiosmtplib.SMTPResponseException as error:
                return Outcome(False, f"answered {error.code}: {_line(error.message)}")
            except aiosmtplib.SMTPException as error:
                cause = error.__cause__
                if isinstance(cause, OSError):
                    raise cause from None
                return Outcome(False, _line(str(error)) or type(error).__name__)
            finally:
                socket.close()
        if refused:
            return Outcome(False, f"refuses {', '.join(refused)}")
        return Outcome(True, f"accepted: {_line(said)}")

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


def _line(said: str) -> str:
    return " ".join(str(said).split())[:_MOST_SUBJECT]
