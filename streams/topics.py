"""The one registry of topics: admin, app, checks and docs are all made from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from streams.events import KINDS, TOPIC_OF

_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic as it must be. `partitions` 0 means the common count of the settings."""

    name: str
    key: str
    kept: str
    value: str
    config: dict[str, str] = field(default_factory=dict)
    partitions: int = 0
    kind: str | None = None  #: set for the six event topics


def _days(count: int) -> dict[str, str]:
    return {"retention.ms": str(count * _DAY_MS)}


_COMPACTED = {"cleanup.policy": "compact", "segment.ms": "3600000", "min.cleanable.dirty.ratio": "0.2"}

EVENTS = tuple(
    Topic(TOPIC_OF[kind], "actor (`network:id`)", "7 d", "event JSON", _days(7), kind=kind) for kind in KINDS
)
CONTROLS = Topic("controls", "user (`network:id`, `person:NAME`)", "30 d", "link, unlink, facts: JSON", _days(30))
POLICIES = Topic(
    "policies",
    "`rule/NAME`, `line/NAME`, `gap/NETWORK`, `channel/NAME`, `silence/NAME`, `acknowledged/RULE/USER`, `token/NAME`",
    "compacted",
    "rule, gaps, channel, silence, token JSON; lines that workers write; null removes it",
    _COMPACTED,
    partitions=1,
)
CURSORS = Topic(
    "cursors",
    "source",
    "compacted",
    "how far a live source was read: JSON, internal; null forgets it",
    _COMPACTED,
    partitions=1,
)
NAMES = Topic(
    "names",
    "`name/` or `handle/` and the user (`network:id`)",
    "compacted",
    "what a user is called: JSON; null takes it back",
    _COMPACTED,
    partitions=1,
)
STRAYS = Topic("strays", "-", "7 d", "events whose key was misplaced, packed, internal", _days(7))
ENGAGEMENTS = Topic("engagements", "-", "7 d", "engagements for the targets, packed, internal", _days(7))
STATE = Topic(
    "state",
    "user + which record, or header",
    "compacted",
    "rows, packed, internal, versioned",
    _COMPACTED
    | {
        "segment.bytes": str(128 << 20),
        "max.compaction.lag.ms": str(_DAY_MS),
        "message.timestamp.type": "LogAppendTime",  # each commit tells a worker what the broker's clock says
    },
)
SCORES = Topic("scores", "user (`network:id`)", "compacted", "score record JSON", _COMPACTED)
ALERTS = Topic("alerts", "user (`network:id`)", "30 d", "alert JSON", _days(30))
DELIVERIES = Topic(
    "deliveries",
    "`CHANNEL/` and the id of the alert",
    "compacted, 30 d",
    "what waits to be delivered, and dead letters: JSON, internal; null: it was delivered",
    {**_COMPACTED, "cleanup.policy": "compact,delete"} | _days(30),
)
REJECTS = Topic(
    "rejects",
    "origin (`topic[partition]@offset`)",
    "30 d",
    "reason, path, topic, partition, offset, original bytes (JSON); the reasons `replayed` and `dropped` are marks",
    _days(30),
)

ALL: tuple[Topic, ...] = (
    *EVENTS,
    CONTROLS,
    POLICIES,
    CURSORS,
    NAMES,
    STRAYS,
    ENGAGEMENTS,
    STATE,
    SCORES,
    ALERTS,
    DELIVERIES,
    REJECTS,
)
#: what others write, and workers take in turns
RECEIVED: tuple[Topic, ...] = (*EVENTS, CONTROLS)
#: what others write; of these workers write one: lines, to `policies`
READ_ONLY: tuple[Topic, ...] = (*RECEIVED, POLICIES)
#: what a worker reads; in every partition number it holds, it holds all of these
SOURCES: tuple[Topic, ...] = (*EVENTS, CONTROLS, STRAYS, ENGAGEMENTS)
#: number of the kind (see `streams.events.KINDS`) whose events a topic holds
KIND_OF: dict[str, int] = {topic.name: KINDS.index(topic.kind) for topic in EVENTS if topic.kind}
