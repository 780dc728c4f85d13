"""The senders, by the kind of channel that they deliver to."""

from __future__ import annotations

from agents.alerting.attempts import Around, Sender
from agents.alerting.mail import Mail
from agents.alerting.notifier import Notifier
from agents.alerting.webhooks import Webhooks
from streams.model.channels import Kind


def senders(around: Around) -> dict[Kind, Sender]:
    """By kind. In a running event loop."""
    return {"webhook": Webhooks(around), "email": Mail(around), "apprise": Notifier(around)}
