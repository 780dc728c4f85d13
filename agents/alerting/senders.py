"""Who delivers to channels of which kind."""

from __future__ import annotations

from agents.alerting.attempts import Around, Discreet, Sender
from agents.alerting.mail import Mail
from agents.alerting.notifier import Notifier
from agents.alerting.webhooks import Webhooks
from streams.model.channels import Kind


def senders(around: Around) -> dict[Kind, Sender]:
    """By kind. In a running event loop."""
    kinds: dict[Kind, Sender] = {"webhook": Webhooks(around), "email": Mail(around), "apprise": Notifier(around)}
    return {kind: Discreet(sender, around.secrets) for kind, sender in kinds.items()}
