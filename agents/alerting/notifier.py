"""Apprise, if it is installed: the services that it knows, by its URLs. It makes its own connections, so its URLs are secrets."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from agents.alerting.attempts import Around, Outcome
from agents.alerting.mail import text
from streams.errors import CloutError
from streams.formats.deliveries import Delivery
from streams.model.channels import SECRET, Channel

_LOUD = {"info": "info", "warning": "warning", "critical": "failure"}


class Notifier:
    """One attempt is one thread: Apprise waits for answers."""

    def __init__(self, around: Around) -> None:
        self._around = around

    async def send(self, channel: Channel, one: Delivery) -> Outcome:
        """See Sender."""
        try:
            import apprise
        except ModuleNotFoundError:
            raise CloutError("Apprise is not installed: pip install clout[apprise]") from None
        if not channel.url.startswith(SECRET):
            raise CloutError("addresses of Apprise hold secrets: name it as in secret:ops-url")
        alert: dict[str, Any] = orjson.loads(bytes(one.alert))
        over = alert.get("state") in ("recovered", "settled")
        to = apprise.Apprise()
        if not to.add(self._around.secrets.url(channel.url)):
            raise CloutError("Apprise does not understand this URL")
        async with asyncio.timeout(channel.timeout_s):
            done = await to.async_notify(
                title=str(alert.get("sentence", ""))[:200],
                body=text(alert),
                notify_type="success" if over else _LOUD.get(str(alert.get("severity")), "warning"),
            )
        return Outcome(bool(done), "accepted" if done else "Apprise could not deliver it")

    async def close(self) -> None:
        """See Sender."""
