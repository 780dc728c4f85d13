"""What a worker's partitions ask of broker, group, Redis and clock: the seam between the protocol and the real servers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:  # who speaks to a server need not load what folds, nor its compiler
    from streams.partition.block import Block
    from streams.partition.recovered import Progress, Recovered
    from streams.policies.book import Book
    from streams.scoreboard.flush import Scoreboard

Source = tuple[str, int]  #: base name of a topic, partition number
Record = tuple[bytes | None, bytes | None]  #: key, value
Records = Iterable[Record]


class Written(NamedTuple):
    """What an interval has written to one partition of a topic."""

    end: int  #: the offset behind its last record
    broker_ms: float | None = None  #: when the broker stamped it; None: it has its producer's time


class Shows(NamedTuple):
    """What Redis says of a partition, see `streams.scoreboard.pulse.Said`."""

    version: int
    complete: int = 0
    origin: str = ""
    model: str = ""


class Log(NamedTuple):
    """One partition of a topic as the broker has it."""

    topic_id: str  #: changes when the topic is deleted and made again
    first: int  #: the first offset there is
    end: int  #: the next offset to be committed


class Publisher(Protocol):
    """Outputs of one partition. One interval is open at a time."""

    transactional: bool  #: are rows kept, and is everything of an interval visible together?
    busy_s: float  #: CPU time that filling batches took: rises, whoever reads it sets it back

    async def start(self) -> None:
        """Connect. With transactions this fences the predecessor and aborts what it left open."""

    async def begin(self) -> None:
        """Open an interval."""

    async def send(self, topic: str, partition: int, records: Records) -> None:
        """Queue (key, value) records for one partition of a topic, in order."""

    async def commit(
        self, positions: dict[tuple[str, int], int], *, last: bool = False
    ) -> dict[tuple[str, int], Written]:
        """Close the interval: returns, by topic and partition, what was written once everything sent is acknowledged.

        `positions` maps (topic, partition) to the next offset to read; the group is told them at the latest with the
        `last` interval of a partition (in a transaction they are seen with its marker, moments after this returns).
        Raises when anything failed.
        """

    async def stop(self) -> None:
        """The partition is let go."""


class Ports(Protocol):
    """Everything around the partitions: `agents.worker.servers.Servers`, and `agents.proof.simulation.servers.Servers`."""

    @property
    def board(self) -> Scoreboard:
        """Where scores are shown."""

    @property
    def epoch(self) -> int:
        """Ends with each revocation."""

    def assigned(self) -> set[int]:
        """The partition numbers of this worker. Raises LostInput when they differ between topics."""

    async def topics(self) -> dict[str, str]:
        """The id of every source and of `state`, by base name. Raises TopicMismatch when one is gone or has other partitions."""

    def book(self) -> Book:
        """The rules, as far as they were read: at first to the end of `policies` as it was before the first block."""

    def publisher(self, number: int) -> Publisher:
        """A publisher, not yet started: its start fences the predecessor."""

    async def recover(self, numbers: Collection[int], told: Callable[[Progress], None]) -> dict[int, Recovered]:
        """What these partitions kept at their last commits."""

    async def state_ends(self, numbers: Collection[int]) -> dict[int, int]:
        """The committed ends of these partitions of `state`."""

    async def shown(self) -> dict[int, Shows]:
        """What Redis has of each partition; empty when it does not answer."""

    async def logs(self, numbers: Collection[int]) -> dict[Source, Log]:
        """All sources of these numbers, and their `state`. Raises TopicMismatch when a topic is not there."""

    async def committed(self, numbers: Collection[int]) -> dict[Source, int]:
        """The group's offsets, as far as there are any."""

    async def seek(self, positions: dict[Source, int], epoch: int) -> bool:
        """Hand out blocks from these positions; False when the epoch is over."""

    def handed(self, source: Source) -> int:
        """The end of the last block handed out, at first the position sought."""

    def seen(self, source: Source) -> int:
        """How far the client is: `handed`, and what holds no records behind it."""

    def ends(self, source: Source) -> tuple[int, int]:
        """The committed end and the end of the log, as the client last heard them; (0, 0) before."""

    def behind(self, number: int) -> int:
        """As far as the client knows: how many offsets of a partition's sources the broker has and the client has not read."""

    def more(self, source: Source) -> bool:
        """As far as the client knows: are there committed records not yet handed out? True until the first answer."""

    def end_epoch(self) -> None:
        """Hand out nothing until the next `seek`."""

    def folded(self, block: Block) -> None:
        """There may be room for another block."""

    def wall_ms(self) -> float:
        """Milliseconds since epoch."""

    def monotonic_s(self) -> float:
        """Seconds since some moment."""

    def cpu_s(self) -> float:
        """CPU seconds of this thread."""

    def die(self, why: object) -> None:
        """End the worker at once; its successor starts from the last commit."""
