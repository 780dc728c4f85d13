"""Apprise, if it is installed: the services that it knows, by its URLs. It makes its own connections, so its URLs are secrets."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson

from agents.alerting.attempts import Around, Outcome
from agents.alerting.mail import text
from streams.errors import CloutError
from streams.formats.deliveries import Delivery
from streams.model.channels import SECRET, Channel

_THREADS = 32  # attempts at the same time, over all channels
_LOUD = {"info": "info", "warning": "warning", "critical": "failure"}


class Notifier:
    """One attempt is one thread: Apprise waits for answers. Its threads are its own, so that it holds up nobody else."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._threads = ThreadPoolExecutor(_THREADS, "apprise")
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it logs addresses, which hold secrets

    async def send(self, channel: Channel, one: Delivery) -> Outcome:
        """See Sender."""
        if not channel.url.startswith(SECRET):
            raise CloutError("addresses of Apprise hold secrets: name it as in secret:ops-url")
        url = self._around.secrets.url(channel.url)
        alert: dict[str, Any] = orjson.loads(bytes(one.alert))
        async with asyncio.timeout(channel.timeout_s):
            done = await asyncio.get_running_loop().run_in_executor(self._threads, _notified, url, alert)
        return Outcome(done, "accepted" if done else "Apprise could not deliver it")

    async def close(self) -> None:
        """See Sender. What is on its way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _notified(url: str, alert: dict[str, Any]) -> bool:
    """In a thread, the import too: it takes a second. Raises CloutError."""
    try:
        import apprise
    except ModuleNotFoundError:
        raise CloutError("Apprise is not installed: pip install clout[apprise]") from None
    to = apprise.Apprise()
    if not to.add(url):
        raise CloutError("Apprise does not understand this URL")
    over = alert.get("state") in ("recovered", "settled")
    done = to.notify(
        title=str(alert.get("sentence", ""))[:200],
        body=text(alert),
        notify_type="success" if over else _LOUD.get(str(alert.get("severity")), "warning"),
    )
    return bool(done)
