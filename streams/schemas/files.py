"""The files in this folder: a schema for each topic that teams write to or read, of an explanation, and the AsyncAPI document."""

from __future__ import annotations

import json
from typing import Any

from streams.schemas import asyncapi, values
from streams.settings import Settings
from streams.topics import ALL


def files() -> dict[str, str]:
    """Their names and contents, with the settings' defaults."""
    found = {f"{topic.name}.json": values.document(topic) for topic in ALL if topic.name not in values.INTERNAL}
    found |= {"explanation.json": values.explanation(), "asyncapi.json": asyncapi.document(Settings())}
    return {name: text(one) for name, one in found.items()}


def text(document: dict[str, Any]) -> str:
    """JSON for reading, ASCII alone."""
    return json.dumps(document, indent=2) + "\n"
