"""How generated events are distributed: every rate is here, with the real figure it was fitted to."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from streams.errors import UsageError
from streams.events import KINDS, MAX_NETWORK_BYTES

Mix = tuple[tuple[str, float], ...]
MOST_TOPICS = 5  #: of an object

# Jetstream, 134 engagements in a row: likes 78 %, reposts 11 %, replies 6 %, follows 4.5 %. Its reposts are split
# between share and retweet; it had no mention among them, but mentions exist.
LIKE_HEAVY: Mix = (
    ("like", 0.78),
    ("share", 0.055),
    ("retweet", 0.055),
    ("follow", 0.045),
    ("reply", 0.06),
    ("mention", 0.005),
)


@dataclass(frozen=True)
class Shape:
    """Shares are of all records (0 to 1), unless said otherwise. Defaults: Higgs (526,167 engagements of 304,691 users,
    a reply's mention not counted), Jetstream and GH Archive; `tests/sources/calibrate.py` prints both side by side.

    A user's weight is `1 / (rank + flat) ** exponent` (Zipf-Mandelbrot).
    """

    network: str = "demo"
    kinds: Mix = LIKE_HEAVY  # kind and its share; made to add up to 1
    actor_exponent: float = 0.55  # activity is flat: Higgs' busiest 100 do 1.8 % of everything
    actor_flat: float = 7.0
    target_exponent: float = 1.1  # fame is not: Higgs' top 10 receive 15 %, the top 1,000 62 %
    target_flat: float = 5.0
    repeat: float = 0.10  # an actor turns to the same target again; Higgs 11.3 %, half of them within 4,432 events
    itself: float = 0.013  # actor is target; Higgs 1.3 %, GH Archive 11 %
    burst_every_s: float = 120.0  # mean pause between bursts, event time; Higgs: a target has > 20 % in 8 % of all 10 s
    burst_s: float = 8.0
    burst: float = 0.5  # share of a burst's events that go to its target; Higgs' 99th percentile of 10 s is 54 %
    undo: float = 0.025  # Jetstream 4 of 152 messages; refers to an event of the same actor and kind
    undo_after: float = 300.0  # mean distance in records; chosen
    late: float = 0.005  # GH Archive 0.02 % by up to 3 s, Bluesky's client clocks by up to 45 min; chosen between them
    late_mean_ms: float = 20_000.0
    late_max_ms: int = 180_000
    duplicate: float = 0.01  # the files have none; at-least-once delivery makes them; chosen
    duplicate_within: int = 14  # records; the engine remembers the last 16 ids of an actor and topic
    broken: float = 0.001  # chosen: enough to be seen
    objects: bool = True  # events are with objects that come and fade; False: posts numbered in a circle, and no topics
    object_every_s: float = 900.0  # event time between two objects of the most famous; the files do not tell; chosen
    object_every_most_s: float = 10_800.0  # of those whom few are engaged with; chosen
    object_age_s: float = (
        2_400.0  # how far an engagement looks back, median; with the above an age of 2.2 h, as in Jetstream
    )
    topics: tuple[float, ...] = (
        0.25,
        0.3,
        0.22,
        0.14,
        0.06,
        0.03,
    )  # of objects: with 0, 1, ... 5; made to add up to 1; chosen
    topic_exponent: float = 0.8  # of the topics' shares; the files hold too few topics to tell; chosen
    topic_spelt: float = 0.06  # of topics: with `#`, capitals, a space or accents apart; chosen

    def __post_init__(self) -> None:
        name = self.network
        if not name or ":" in name or len(name.encode()) > MAX_NETWORK_BYTES or not name.isprintable():
            raise UsageError(f"network: `{name}` is empty, too long, not printable or has a colon")
        unknown = [kind for kind, _ in self.kinds if kind not in KINDS]
        if unknown or not self.kinds or sum(share for _, share in self.kinds) <= 0 or min(s for _, s in self.kinds) < 0:
            raise UsageError(f"kinds: {self.kinds} must give shares >= 0, not all 0, to some of {', '.join(KINDS)}")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _SHARES and not 0 <= value <= 1:
                raise UsageError(f"{field.name}: {value} is not a share between 0 and 1")
            if field.name not in {"network", "kinds", "topics"} and not value >= 0:
                raise UsageError(f"{field.name}: {value} is negative")
        if self.undo + self.duplicate + self.broken > 0.9:
            raise UsageError("undo, duplicate and broken leave less than a tenth of the records to refer to")
        if len(self.topics) != MOST_TOPICS + 1 or min(self.topics) < 0 or sum(self.topics) <= 0:
            raise UsageError(f"topics: {self.topics} must be shares >= 0, not all 0, of 0 to {MOST_TOPICS} topics")
        if not 1 <= self.object_every_s <= self.object_every_most_s:
            raise UsageError("object_every_s is at least a second, and at most object_every_most_s")
        if not 1 <= self.duplicate_within <= 20:
            raise UsageError(
                f"duplicate_within: {self.duplicate_within} is not 1 to 20, what the engine surely remembers"
            )
        if self.actor_flat < 0.5 or self.target_flat < 0.5:
            raise UsageError("actor_flat and target_flat are at least 0.5, or the first rank takes everything")

    def clean(self) -> Shape:
        """The same without duplicates, broken and late records: each record is a good event, in time order."""
        return replace(self, duplicate=0.0, broken=0.0, late=0.0)

    def only(self, *kinds: str) -> Shape:
        """The same with just these kinds, in their proportion to each other; a kind without a share gets 1 %."""
        shares = dict(self.kinds)
        return replace(self, kinds=tuple((kind, shares.get(kind) or 0.01) for kind in kinds))


_SHARES = frozenset({"repeat", "itself", "burst", "undo", "late", "duplicate", "broken", "topic_spelt"})
