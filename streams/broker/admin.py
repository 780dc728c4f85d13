"""What may be asked of and done to topics and group: kafka-python's admin client. Blocking; for commands and start-up."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

from streams.broker.security import connection
from streams.errors import DependencyDown, TopicMismatch
from streams.settings import Settings
from streams.topics import ALL, Topic


@dataclass(frozen=True, slots=True)
class Found:
    """A topic beside what the broker says of it. `partitions` is None when it does not exist."""

    topic: Topic
    name: str
    wanted: int
    partitions: int | None

    @property
    def ok(self) -> bool:
        """Is it there, with the right number of partitions?"""
        return self.partitions == self.wanted

    @property
    def problem(self) -> str:
        """What is wrong and what to do, or an empty string."""
        if self.ok:
            return ""
        if self.partitions is None:
            return f"topic {self.name} does not exist; create it with `clout topics create`"
        return (
            f"topic {self.name} has {self.partitions} partitions and should have {self.wanted}: set CLOUT_PARTITIONS="
            f"{self.partitions} if all topics have {self.partitions}, else delete and recreate it (its records are lost) "
            "or use another CLOUT_TOPIC_PREFIX"
        )


class Bounds(NamedTuple):
    """One partition's log, as offsets."""

    first: int
    committed: int  #: all before it is decided; less than `end` while a transaction is open
    end: int


_COORDINATOR_S = 10.0
_KNOWN_S = 30.0  # a new topic is listed by all brokers
_LOOKS = 5  # each look asks any of the brokers


#: what to do about a refusal, by the name of the client's error
_ADVICE = {
    "InvalidReplicationFactorError": "set CLOUT_REPLICATION to at most the number of brokers, or start the others",
    "InvalidTopicError": "use another CLOUT_TOPIC_PREFIX",
    "PolicyViolationError": "ask who runs the brokers, or have them create the topics as `clout topics list` shows",
    "TopicAuthorizationFailedError": "this user lacks the right to create topics",
}


def _raise_refused(answers: list[dict[str, Any]]) -> None:
    """Raise TopicMismatch with the broker's reasons, and for which topics, if a CreateTopics answer has any."""
    from kafka.errors import TopicAlreadyExistsError, for_code

    refused: dict[str, list[str]] = {}
    for topic in answers:
        kind = for_code(topic["error_code"])
        if topic["error_code"] and kind is not TopicAlreadyExistsError:  # made by another one meanwhile: checked later
            reason = topic.get("error_message") or kind.description
            reason = f"{kind.__name__.removesuffix('Error')}: {reason.rstrip('.')}; {_ADVICE.get(kind.__name__, 'see its log')}"
            refused.setdefault(reason.replace(topic["name"], "<topic>"), []).append(topic["name"])
    if refused:
        raise TopicMismatch(
            "\n".join(f"the broker refuses to create {', '.join(names)}: {reason}" for reason, names in refused.items())
        )


class Admin:
    """What may be asked of and done to topics and group, with kafka-python's admin client. Blocking; for commands and start-up."""

    def __init__(self, settings: Settings, timeout_ms: int = 5_000) -> None:
        from kafka.admin import KafkaAdminClient
        from kafka.errors import KafkaError

        self._errors = KafkaError
        self._settings = settings
        try:
            self._client: Any = KafkaAdminClient(
                **connection(settings),
                request_timeout_ms=timeout_ms,
                bootstrap_timeout_ms=timeout_ms,
            )
        except (KafkaError, OSError, ValueError) as error:
            raise DependencyDown(
                f"no Kafka at {settings.kafka} ({type(error).__name__}); start it or set CLOUT_KAFKA"
            ) from None

    def __enter__(self) -> Admin:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect."""
        self._client.close()

    def find(self) -> list[Found]:
        """Every topic of the registry beside what there is. Raises DependencyDown when Kafka does not say."""
        names = [self._settings.topic(t.name) for t in ALL]
        try:
            existing = set(self._client.list_topics())
            wanted = [n for n in names if n in existing]
            found = self._client.describe_topics(wanted) if wanted else []
        except (self._errors, OSError) as error:  # a broker that went away after we had connected
            raise DependencyDown(f"Kafka at {self._settings.kafka} does not answer ({type(error).__name__})") from None
        described = {t["name"]: len(t["partitions"]) for t in found}
        return [
            Found(t, name, t.partitions or self._settings.partitions, described.get(name))
            for t, name in zip(ALL, names, strict=True)
        ]

    def create(self) -> list[str]:
        """Create what is missing; returns the names created. Existing topics are left as they are.

        Raises TopicMismatch with the broker's own reason for each topic that it refuses.
        """
        missing = [found for found in self.find() if found.partitions is None]
        if missing:
            try:
                answer = self._client.create_topics(
                    {found.name: self._spec(found) for found in missing}, raise_errors=False
                )
            except (self._errors, OSError) as error:
                raise DependencyDown(f"Kafka at {self._settings.kafka} does not create topics: {error!r}") from None
            _raise_refused(answer["topics"])
            self._wait_until_known()
        return [found.name for found in missing]

    def _spec(self, found: Found) -> dict[str, Any]:
        replication = self._settings.replication
        return {"num_partitions": found.wanted, "replication_factor": replication, "configs": found.topic.config}

    def _wait_until_known(self) -> None:
        """Return once the topics are found several times in a row: each broker hears of a new topic a moment later."""
        until_s, in_a_row = time.monotonic() + _KNOWN_S, 0
        while in_a_row < _LOOKS:
            unknown = [found.name for found in self.find() if found.partitions is None]
            in_a_row = 0 if unknown else in_a_row + 1
            if unknown and time.monotonic() > until_s:
                raise TopicMismatch(
                    f"the broker took {', '.join(unknown)}, and after {_KNOWN_S:g} s does not list them; see its log"
                )
            time.sleep(_KNOWN_S / 500 if unknown else 0)

    def ids(self) -> dict[str, str]:
        """Base name -> id of every topic of the registry that exists. Raises DependencyDown when Kafka does not answer."""
        names = {self._settings.topic(t.name): t.name for t in ALL}
        try:
            existing = [name for name in self._client.list_topics() if name in names]
            return {names[t["name"]]: str(t.get("topic_id") or "") for t in self._client.describe_topics(existing)}
        except (self._errors, OSError) as error:
            raise DependencyDown(f"Kafka at {self._settings.kafka} does not describe its topics: {error!r}") from None

    def check(self) -> None:
        """Raise TopicMismatch that names every topic that is not as it must be."""
        problems = [found.problem for found in self.find() if not found.ok]
        if problems:
            raise TopicMismatch("\n".join(problems))

    def members(self) -> int:
        """How many workers are in the group, those included that were killed less than a session timeout ago.

        A new broker makes its first group coordinator when it is asked for one, which takes a moment.
        """
        until_s = time.monotonic() + _COORDINATOR_S
        while True:
            try:
                found = self._client.describe_groups([self._settings.app])[self._settings.app]
            except self._errors as error:
                if not getattr(error, "retriable", False) or time.monotonic() > until_s:
                    raise
                time.sleep(_COORDINATOR_S / 50)
            else:
                return len(found["members"])

    def bounds(self, *topics: Topic) -> dict[tuple[str, int], Bounds]:
        """Where the logs of all partitions of these topics begin and end now; by base name and partition."""
        from kafka import IsolationLevel, OffsetSpec, TopicPartition

        wanted = {
            TopicPartition(self._settings.topic(topic.name), number): (topic.name, number)
            for topic in topics
            for number in range(self._settings.partitions)
        }

        def ask(spec: Any, level: Any = IsolationLevel.READ_UNCOMMITTED) -> Any:
            return self._client.list_partition_offsets(dict.fromkeys(wanted, spec), isolation_level=level)

        first, end = ask(OffsetSpec.EARLIEST), ask(OffsetSpec.LATEST)
        committed = ask(OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED)
        return {of: Bounds(first[tp].offset, committed[tp].offset, end[tp].offset) for tp, of in wanted.items()}
