"""What there is of Kafka: its topics beside what the registry wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agents.surroundings.finding import DOWN, NOTE, OK, WRONG, Finding
from streams.broker.admin import Admin, Found
from streams.broker.allowed import lacking
from streams.errors import CloutError
from streams.rights import told
from streams.settings import Settings
from streams.topics import ALL

_DAY_MS = 86_400_000
_LOST = {"state": "rows of users who do nothing for a while are deleted", "policies": "rules are forgotten"}


def look(
    settings: Settings, roles: Sequence[str] = ("worker",), *, surplus: bool = False, timeout_ms: int = 3_000
) -> list[Finding]:
    """Kafka, its topics, and whether this user has the rights of one of these roles; `surplus`: more
    partitions than there should be are as it was to be expected.

    Blocking. Never raises for what a person can mend: that is a finding.
    """
    try:
        with Admin(settings, timeout_ms=timeout_ms) as admin:
            topics = admin.find()
            missing = [topic for topic in topics if topic.partitions is None]
            refusals = admin.refusals(missing) if missing else []
            configs = admin.configs()
            lacks = min((lacking(admin, settings, role) for role in roles), key=len)
    except CloutError as error:
        return [Finding("kafka", DOWN, str(error))]
    if lacks:  # of topics that may not be seen nothing else is known
        topics = [topic for topic in topics if topic.partitions != 0]
    if surplus:
        topics = [topic for topic in topics if (topic.partitions or 0) <= topic.wanted]
    return [
        Finding("kafka", OK, f"answers at {settings.kafka}"),
        *([Finding("rights", WRONG, told(lacks))] if lacks else ()),
        *_topics(topics, refusals, settings),
        *kept(configs, settings),
    ]


def _topics(topics: list[Found], refusals: list[str], settings: Settings) -> Iterator[Finding]:
    missing = [topic.name for topic in topics if topic.partitions is None]
    if missing:
        names = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
        what = f"{len(missing)} of {len(topics)} do not exist ({names})"
        if not refusals:
            yield Finding("topics", WRONG, f"{what}: run `clout topics create`")
        for refusal in refusals:
            yield Finding("topics", WRONG, f"{what}, and {refusal}")
    for topic in topics:
        if topic.problem and topic.partitions is not None:
            yield Finding("topics", WRONG, topic.problem)
    if topics and all(topic.ok for topic in topics):
        yield Finding(
            "topics", OK, f"{len(topics)} with {settings.partitions} partitions, prefix {settings.topic_prefix!r}"
        )


def kept(configs: Mapping[str, Mapping[str, str]], settings: Settings) -> Iterator[Finding]:
    """What topics keep and for how long, where it is less than the registry wants."""
    for topic in ALL:
        has, full = configs.get(topic.name, {}), settings.topic(topic.name)
        policy, wanted = has.get("cleanup.policy"), topic.config.get("cleanup.policy")
        if policy and wanted and "delete" in policy.split(",") and "delete" not in wanted.split(","):
            lost = _LOST.get(topic.name, "old scores go")
            yield Finding(
                "topics",
                WRONG,
                f"{full} has cleanup.policy={policy}: {lost}. Set it to {wanted}: {_alter(full, 'cleanup.policy', wanted)}",
            )
        days, least = _days(has.get("retention.ms")), _days(topic.config.get("retention.ms"))
        if days is not None and least is not None and days < least:
            yield Finding(
                "topics",
                NOTE,
                f"{full} keeps {days:g} d instead of {least:g}: what is not read in time is lost. "
                f"{_alter(full, 'retention.ms', topic.config['retention.ms'])}",
            )


def _days(text: str | None) -> float | None:
    """-1 keeps for ever."""
    return None if text is None or int(text) < 0 else round(int(text) / _DAY_MS, 2)


def _alter(topic: str, key: str, value: str) -> str:
    return f"`kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {key}={value}`"
