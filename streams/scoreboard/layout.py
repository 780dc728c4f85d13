"""Where everything is in Redis: the key names, how users spread over shards, and the limits of what is kept."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log2

import numpy as np
from numpy.typing import NDArray

from streams.events import PERSON
from streams.model.windows import Floats

#: entries kept (about) in the stream of change batches: a minute when busy, the longest a push reader may lag behind
UPDATES_KEPT = 1_000
#: entries kept (about) in the stream of alerts
ALERTS_KEPT = 1_000
#: alerts kept of one user, the latest
ALERTS_A_USER = 20
#: boards of networks in a shard: whoever feeds events names networks, and must not make keys without bound
MOST_NETWORKS = 100
#: boards of topics in a shard, and users on each: the same of topics
MOST_TOPICS, MOST_ON_TOPIC = 1_000, 1_000
#: fields asked for in one HMGET: a longer one would hold up everybody else on the server
FIELDS_A_CALL = 1_000
#: histogram bins for one point of score
BINS_PER_POINT = 10
#: scores from 0 to 100, 100.0 included
MOST_BINS = 100 * BINS_PER_POINT + 1


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one shard. All carry the hash tag `{shard}`, so one call may touch them on Redis Cluster too."""

    prefix: str
    shard: int

    def _key(self, name: str) -> str:
        return f"{self.prefix}:{{{self.shard}}}:{name}"

    @property
    def board(self) -> str:
        """Sorted set: user -> score; everyone but accounts of persons, in whose place the person is."""
        return self._key("board")

    def board_of(self, network: str) -> str:
        """Sorted set: user -> score of everyone of a network, accounts of persons too."""
        return self._key(f"board:{network}")

    def board_for(self, network: str | None) -> str:
        """The overall board, or that of a network."""
        return self.board if network is None else self.board_of(network)

    @property
    def networks(self) -> str:
        """Hash: network -> 1 if it has a board in this shard; at most MOST_NETWORKS, the first that came."""
        return self._key("networks")

    @property
    def users(self) -> str:
        """Hash: user -> score record (JSON)."""
        return self._key("users")

    @property
    def history(self) -> str:
        """Hash: user -> daily closes up to the day that they last changed, JSON: see `streams.scoreboard.closes`."""
        return self._key("history")

    @property
    def influence(self) -> str:
        """Hash: user -> topics, people and moments (JSON): see `streams.model.influential`."""
        return self._key("influence")

    @property
    def topics(self) -> str:
        """Sorted set: topic that has a board -> the highest place on it; at most MOST_TOPICS, the highest of all."""
        return self._key("topics")

    def topic(self, topic: str) -> str:
        """Sorted set: user -> place on the board of a topic, see `place_of`; the MOST_ON_TOPIC highest."""
        return self._key(f"topics:{topic}")

    @property
    def updates(self) -> str:
        """Stream, capped: batches of changes (JSON) for push."""
        return self._key("updates")

    @property
    def pulse(self) -> str:
        """Hash: partition -> JSON with version, event time, owner and what else its worker says."""
        return self._key("pulse")

    @property
    def alerts(self) -> str:
        """Stream, capped: alerts (JSON)."""
        return self._key("alerts")

    @property
    def user_alerts(self) -> str:
        """Hash: user -> their latest alerts, a JSON array, the newest first: see `streams.scoreboard.user_alerts`."""
        return self._key("user_alerts")

    @property
    def search(self) -> str:
        """Sorted set, all with score 0: by what users are found, two members each: see `streams.scoreboard.names.entries`."""
        return self._key("search")

    @property
    def ids(self) -> str:
        """Hash: numeric id -> user, see `streams.scoreboard.names.numeric_id`."""
        return self._key("ids")

    @property
    def names(self) -> str:
        """Hash: user -> what they are called, a display name, else the handle behind an @: see `streams.scoreboard.called`."""
        return self._key("names")

    @property
    def handles(self) -> str:
        """Hash: user -> handle behind an @, also of those who have a display name."""
        return self._key("handles")

    @property
    def names_at(self) -> str:
        """Hash: `PARTITIONS/SHARDS` -> offset in the topic `names` up to which both have it, and `held`: how many."""
        return self._key("names_at")

    @property
    def findings(self) -> str:
        """Hash: worker -> JSON with what it has found wrong around it, and when; on the first shard only."""
        return self._key("findings")

    @property
    def rules(self) -> str:
        """Hash: `offset` of the last policy known, `rules` in force (JSON array); on the first shard only."""
        return self._key("rules")

    @property
    def channels(self) -> str:
        """Hash: channel -> JSON, how it stands (`agents.shapes.deliveries.ChannelStanding`); on the first shard only."""
        return self._key("channels")

    @property
    def deliveries(self) -> str:
        """List, capped: the latest outcomes of deliveries (JSON, `agents.shapes.deliveries.Told`); on the first shard only."""
        return self._key("deliveries")

    @property
    def sources(self) -> str:
        """Hash: live source -> JSON, how it stands (`agents.shapes.sources.SourceStanding`); on the first shard only."""
        return self._key("sources")

    def spread(self, partition: int) -> str:
        """Hash: histogram bin -> how many users of this partition are in it; see `bin_of` and `Counted`."""
        return self._key(f"spread:{partition}")


def network_of(user: str) -> str | None:
    """On whose board a user is beside the overall one: what stands before the first colon. None for persons."""
    network, colon, _ = user.partition(":")
    return network if colon and network != PERSON else None


def place_of(weight: float, now_ms: float, half_life_ms: float) -> float:
    """A place on the board of a topic: everybody's engagement halves alike, so a place once written stays true.

    log2(weight) + now / half-life; so the weight at any moment is 2 ** (place - moment / half-life).
    """
    return log2(weight) + now_ms / half_life_ms


def shard_of(partition: int, shards: int) -> int:
    """The shard that serves the users of a partition; a partition is never split over shards."""
    return partition % shards


def bin_of(score: float) -> int:
    """The histogram bin of a score: steps of 0.1, so 41.27 is in bin 412."""
    return floor(score * BINS_PER_POINT)


def bins_of(scores: Floats) -> NDArray[np.int64]:
    """`bin_of` each of these scores (n,)."""
    return np.floor(scores * BINS_PER_POINT).astype(np.int64)
