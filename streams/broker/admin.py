"""What may be asked of and done to topics and group: kafka-python's admin client. Blocking; for commands and start-up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from streams.broker.client import admin_client
from streams.broker.diagnosis import down
from streams.broker.refused import refusals
from streams.errors import DependencyDown, TopicMismatch
from streams.settings import Settings
from streams.topics import ALL, Topic


@dataclass(frozen=True, slots=True)
class Found:
    """A topic beside what the broker says of it. `partitions` is None when it does not exist, 0 when it is not shown to us."""

    topic: Topic
    name: str
    wanted: int
    partitions: int | None
    allowed: frozenset[str] | None = None  #: operations this user may do on it; None: the broker does not say

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
        if not self.partitions:
            return (
                f"topic {self.name} may not be seen by this user: grant Describe on it, or Read or Write, which bring it; "
                "`clout topics acls` lists who needs what"
            )
        said = f"topic {self.name} has {self.partitions} partitions and should have {self.wanted}: "
        if self.topic.partitions:  # its own count, whatever the settings say
            return f"{said}keep what it holds, delete it, run `clout topics create`, and send it again"
        if self.partitions > self.wanted:
            return (
                f"{said}set CLOUT_PARTITIONS={self.partitions} if all topics have {self.partitions}. If it was given more later, "
                'nothing is lost: "A topic has more partitions than it should" in deploy/README.md says how to go on'
            )
        said += f"set CLOUT_PARTITIONS={self.partitions} if all topics have {self.partitions}. If it alone has fewer, "
        if self.topic.kind:
            return f"{said}raise it with `kafka-topics.sh --alter --partitions {self.wanted}`: what it holds counts all the same"
        return f"{said}delete it, if it is empty, and run `clout topics create`"


class Bounds(NamedTuple):
    """One partition's log, as offsets."""

    first: int
    committed: int  #: all before it is decided; less than `end` while a transaction is open
    end: int


class Described(NamedTuple):
    """One topic as the broker has it."""

    topic_id: str  #: changes when it is deleted and made again
    partitions: int


_NOT_SEEN = 29  # Kafka's error code of a topic that this user may not describe
_COORDINATOR_S = 10.0
_KNOWN_S = 30.0  # a new topic is listed by all brokers
_LOOKS = 5  # each look asks any of the brokers


def _operations(described: dict[str, Any]) -> frozenset[str] | None:
    """What this user may do, by Kafka's names; None when the broker does not say, as of a group that is not there yet."""
    names = described.get("authorized_operations")
    return None if names is None else frozenset(name.capitalize() for name in names)


def _described(topic: dict[str, Any]) -> tuple[int | None, frozenset[str] | None]:
    """Partitions and operations as `Found` has them."""
    if topic["error_code"] == _NOT_SEEN:
        return 0, frozenset()
    return len(topic["partitions"]) or None, _operations(topic)


class Admin:
    """What may be asked of and done to topics and group, with kafka-python's admin client. Blocking; for commands and start-up."""

    def __init__(self, settings: Settings, timeout_ms: int = 5_000) -> None:
        from kafka.errors import KafkaError

        self._errors = KafkaError
        self._settings = settings
        try:
            self._client = admin_client(settings, timeout_ms)
        except (KafkaError, OSError, ValueError) as error:
            raise down(
                settings,
                f"Kafka at {settings.kafka} does not answer in time ({type(error).__name__}); try again, see its log",
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
            found = self._client.describe_topics(names)  # by name: a list of all would leave out what may not be seen
        except (self._errors, OSError) as error:  # a broker that went away after we had connected
            raise down(
                self._settings, f"Kafka at {self._settings.kafka} does not answer ({type(error).__name__})"
            ) from None
        described = {t["name"]: _described(t) for t in found}
        return [
            Found(t, name, t.partitions or self._settings.partitions, *described.get(name, (None, None)))
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
            if refused := refusals(answer["topics"]):
                raise TopicMismatch("\n".join(refused))
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

    def refusals(self, missing: list[Found]) -> list[str]:
        """Why the broker would not create these topics, in its words; asked without creating anything. Empty: it would."""
        try:
            specs = {found.name: self._spec(found) for found in missing}
            answer = self._client.create_topics(specs, validate_only=True, raise_errors=False)
        except (self._errors, OSError):  # it cannot be asked
            return []
        return refusals(answer["topics"])

    def described(self) -> dict[str, Described]:
        """Base name -> what the broker has of each topic of the registry that exists. Raises DependencyDown when it is silent."""
        names = {self._settings.topic(t.name): t.name for t in ALL}
        try:
            existing = [name for name in self._client.list_topics() if name in names]
            return {
                names[t["name"]]: Described(str(t.get("topic_id") or ""), len(t["partitions"]))
                for t in self._client.describe_topics(existing)
            }
        except (self._errors, OSError) as error:
            raise down(
                self._settings, f"Kafka at {self._settings.kafka} does not describe its topics: {error!r}"
            ) from None

    def configs(self) -> dict[str, dict[str, str]]:
        """Base name -> the values that the registry wants to be set, as they are. Empty when the broker does not tell."""
        from kafka.admin import ConfigResource, ConfigResourceType

        names = {self._settings.topic(t.name): t for t in ALL if t.config}
        try:
            existing = [name for name in self._client.list_topics() if name in names]
            asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in existing]
            told = self._client.describe_configs(asked, config_filter="all").get("topic", {}) if asked else {}
        except (self._errors, OSError):
            return {}
        return {
            names[name].name: {key: str(one["value"]) for key, one in values.items() if key in names[name].config}
            for name, values in told.items()
        }

    def check(self) -> None:
        """Raise TopicMismatch that names every topic that is not as it must be."""
        problems = [found.problem for found in self.find() if not found.ok]
        if problems:
            raise TopicMismatch("\n".join(problems))

    def members(self) -> int:
        """How many workers are in the group, those included that were killed less than a session timeout ago.

        A new broker makes its first group coordinator when it is asked for one, which takes a moment.
        """
        return len(self._group()["members"])

    def allowed_in_group(self) -> frozenset[str] | None:
        """The operations that this user may do on the group, by their names; None when the brokers do not say."""
        from kafka.errors import GroupAuthorizationFailedError

        try:
            found = self._group()
        except GroupAuthorizationFailedError:
            return frozenset()
        except self._errors:
            return None
        return _operations(found)

    def may_see_transactions(self) -> bool:
        """May this user ask about the transactions of partition 0? Whoever may write them may."""
        from kafka.errors import TransactionalIdAuthorizationFailedError

        try:
            self._coordinated(lambda: self._client.describe_transactions([self._settings.transactional_id(0)]))
        except TransactionalIdAuthorizationFailedError:
            return False
        except self._errors:
            return True  # the id was never used, or an old broker does not say
        return True

    def _group(self) -> dict[str, Any]:
        from kafka.errors import GroupAuthorizationFailedError

        name = self._settings.app
        found: dict[str, Any] = self._coordinated(lambda: self._client.describe_groups([name])[name])
        # the client raises it only where it asks for the coordinator
        if GroupAuthorizationFailedError.__name__ in (found.get("error") or ""):
            raise GroupAuthorizationFailedError(name)
        return found

    def _coordinated(self, ask: Callable[[], Any]) -> Any:
        """The answer, once there is a coordinator."""
        until_s = time.monotonic() + _COORDINATOR_S
        while True:
            try:
                return ask()
            except self._errors as error:
                if not getattr(error, "retriable", False) or time.monotonic() > until_s:
                    raise
                time.sleep(_COORDINATOR_S / 50)

    def bounds(self, *topics: Topic) -> dict[tuple[str, int], Bounds]:
        """Where the logs of all partitions of these topics begin and end now; by base name and partition.

        Raises TopicMismatch for topics that are not there, lack partitions or may not be seen.
        """
        from kafka import IsolationLevel, OffsetSpec, TopicPartition
        from kafka.errors import UnknownTopicOrPartitionError

        wanted = {
            TopicPartition(self._settings.topic(topic.name), number): (topic.name, number)
            for topic in topics
            for number in range(self._settings.partitions)
        }

        def ask(spec: Any, level: Any = IsolationLevel.READ_UNCOMMITTED) -> Any:
            return self._client.list_partition_offsets(dict.fromkeys(wanted, spec), isolation_level=level)

        try:
            first, end = ask(OffsetSpec.EARLIEST), ask(OffsetSpec.LATEST)
            committed = ask(OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED)
        except UnknownTopicOrPartitionError:
            if problems := [
                one.problem for one in self.find() if one.topic in topics and (one.partitions or 0) < one.wanted
            ]:
                raise TopicMismatch("\n".join(problems)) from None
            raise  # for a moment
        return {of: Bounds(first[tp].offset, committed[tp].offset, end[tp].offset) for tp, of in wanted.items()}
