"""The score lines of a run beside plain ones: each by sorting the scores that were published when it was counted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import ceil, floor

import orjson

from agents.proof.simulation.faults import Faults
from streams.topics import SCORES


def lines(faults: Faults) -> Iterator[str]:
    """Lines in `policies` that are not what was published of all partitions before the versions that they name."""

    @cache
    def published(number: int, version: int) -> list[float]:
        """Scores published under lower versions; who counts is decided by what this version says as well."""
        scores: dict[str, float] = {}
        counts: dict[str, bool] = {}
        for record in faults.broker.logs[SCORES.name, number].all():
            body = orjson.loads(record.value or b"")
            if body["version"] < version:
                scores[body["user"]] = body["score"]
            if body["version"] <= version:
                counts[body["user"]] = body["engagements"] > 0 and "person" not in body
        return [score for user, score in scores.items() if counts[user]]

    for record in faults.policies.all():
        key = (record.key or b"").decode()
        if not key.startswith("line/") or not record.value:
            continue
        body = orjson.loads(record.value)
        if len(body["versions"]) != faults.settings.partitions:
            yield f"{key}: made of {len(body['versions'])} of {faults.settings.partitions} partitions"
            continue
        scores = sorted(
            score for number, version in enumerate(body["versions"]) for score in published(number, version)
        )
        wanted = plain(key.removeprefix("line/"), scores)
        if abs(body["score"] - wanted) > 1e-9:
            yield f"{key} at {record.offset}: {body['score']} instead of {wanted}, of {scores}"


def plain(name: str, scores: list[float]) -> float:
    """The tenth in which the lowest lies who still has a place; scores rise."""
    sort, _, amount = name.partition("/")
    places = int(amount) if sort == "top" else max(ceil(len(scores) * (100 - float(amount)) / 100 - 1e-9), 1)
    return floor(scores[-places] * 10) / 10 if places <= len(scores) else 1.0
