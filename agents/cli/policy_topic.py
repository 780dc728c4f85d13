"""The topic `policies` for the command: what it holds, and sending to it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from agents.cli.output import json_line
from streams.broker.admin import Admin
from streams.broker.policies import read
from streams.broker.sending import send_policies
from streams.errors import TopicMismatch
from streams.policies.book import Policies
from streams.settings import Settings
from streams.topics import POLICIES


def known(settings: Settings) -> Policies:
    """All policies there are. Raises TopicMismatch when the topic is not as it must be."""
    with Admin(settings) as admin:  # a broker that creates topics by itself would make it as it likes
        problems = [topic.problem for topic in admin.find() if topic.topic is POLICIES and not topic.ok]
    if problems:
        raise TopicMismatch("\n".join(problems))
    return asyncio.run(read(settings))


def sent(
    settings: Settings,
    records: Sequence[tuple[bytes, bytes | None]],
    *,
    json: bool,
    count: int | None = None,
    **more: Any,
) -> None:
    """All of them, in their order, until they are acknowledged; with `json` that is said on stdout, and what `more` there is.

    `count` is how many were meant. Raises DependencyDown when the broker has gone, NotAllowed when it denies this user the topic.
    """
    offset = asyncio.run(send_policies(settings, list(records)))
    if json:
        topic = settings.topic(POLICIES.name)
        json_line({"sent": len(records) if count is None else count, "topic": topic, "offset": offset, **more})
