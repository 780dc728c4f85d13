"""Rules, gaps, channels, silences, tokens that somebody goes by, and how far `policies` was read; made of its records in order."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from streams.events import Reject
from streams.model.channels import Acknowledged, Channel, Silence
from streams.model.gaps import Gaps
from streams.model.rules import Rule, ScoreLine, built_in
from streams.model.tokens import Token
from streams.policies.records import ACKNOWLEDGED, CHANNEL, GAP, LINE, SILENCE, TOKEN, Line, Removed, parse, shown

MOST_RULES = 10_000  #: in a book, switched off ones and those not yet in force too
MOST_GAPPED = 1_000  #: networks with gaps
MOST_CHANNELS, MOST_SILENCES, MOST_ACKNOWLEDGED = 100, 1_000, 10_000
MOST_TOKENS = 1_000
_MOST_MISTAKES = 1_000  # told in a book
_NONE: Mapping[str, ScoreLine] = MappingProxyType({})


class Mistake(NamedTuple):
    """A record that could not be used, and still is the latest of its key."""

    key: str
    offset: int
    reject: Reject

    def __str__(self) -> str:
        return f"{self.reject.message} (offset {self.offset} of policies)"


class Book(NamedTuple):
    """Rules by name, in the order of their names; what is switched off or not yet in force is among them."""

    rules: tuple[Rule, ...] = built_in()
    offset: int = -1  #: of the last policy in `policies` that was read; -1: none
    mistakes: tuple[Mistake, ...] = ()  #: at most a thousand; a rule that stood there before is still among the rules
    #: names of the rules that are too many: those that were written last; so `gap/NETWORK`, `channel/NAME` and `token/NAME`
    left_out: tuple[str, ...] = ()
    lines: Mapping[str, ScoreLine] = _NONE  #: where percentiles and the top N begin, by name
    gaps: tuple[Gaps, ...] = ()  #: by network, in the order of their names
    channels: tuple[Channel, ...] = ()  #: in the order of their names
    silences: tuple[Silence, ...] = ()  #: of too many those that were written last; so what is acknowledged
    acknowledged: tuple[Acknowledged, ...] = ()
    tokens: tuple[Token, ...] = ()  #: in the order of their names; those that are over, too

    def at(self, now_ms: float) -> tuple[Rule, ...]:
        """The rules in force at a moment, ms since epoch."""
        return tuple(rule for rule in self.rules if rule.enabled and rule.since <= now_ms)


class _Kept(NamedTuple):
    offset: int
    rule: Rule


class Policies:
    """What records of `policies` come to, read in their order: of a key the latest counts, without a value it goes.

    A rule has the place of a built-in one of its name, which comes back when it is removed. A record that cannot be used
    changes nothing but that it is told: the last rule of its key that was understood stays in force.
    """

    def __init__(self, built: tuple[Rule, ...] | None = None) -> None:
        self.built = {rule.name: rule for rule in (built_in() if built is None else built)}
        self._offset = -1
        self._rules: dict[str, _Kept] = {}
        self._lines: dict[str, ScoreLine] = {}
        self._gaps: dict[str, Gaps] = {}
        self._channels: dict[str, Channel] = {}
        self._silences: dict[str, Silence] = {}
        self._acknowledged: dict[str, Acknowledged] = {}
        self._tokens: dict[str, Token] = {}
        self._kinds: dict[str, dict[str, Any]] = {
            **{GAP: self._gaps, LINE: self._lines, CHANNEL: self._channels},
            **{SILENCE: self._silences, ACKNOWLEDGED: self._acknowledged, TOKEN: self._tokens},
        }
        self._mistakes: dict[bytes, Mistake] = {}
        self._book: Book | None = None

    def read(self, offset: int, key: bytes | None, value: bytes | None) -> None:
        """One record."""
        self._offset, self._book = offset, None
        found = parse(key, value)
        if isinstance(found, Reject) and value is not None:
            self._mistakes[key or b""] = Mistake(shown(key), offset, found)
            return
        self._mistakes.pop(key or b"", None)
        if isinstance(found, Removed):
            self._kinds.get(found.kind, self._rules).pop(found.name, None)
        elif isinstance(found, Line):
            self._lines[found.name] = found.line
        elif isinstance(found, Rule):
            self._rules.pop(found.name, None)  # the latest stand last
            self._rules[found.name] = _Kept(offset, found)
        elif isinstance(found, Gaps):
            self._gaps.pop(found.network, None)
            self._gaps[found.network] = found
        elif isinstance(found, Channel):
            self._channels.pop(found.name, None)
            self._channels[found.name] = found
        elif isinstance(found, Silence):
            self._silences.pop(found.name, None)
            self._silences[found.name] = found
        elif isinstance(found, Acknowledged):
            name = f"{found.rule}/{found.user}"
            self._acknowledged.pop(name, None)
            self._acknowledged[name] = found
        elif isinstance(found, Token):
            self._tokens.pop(found.name, None)
            self._tokens[found.name] = found

    def book(self) -> Book:
        """What holds now; the same object until something more is read."""
        if self._book is None:
            self._book = self._made()
        return self._book

    @property
    def told(self) -> dict[str, int]:
        """The offset of each rule that stands in the topic, by name."""
        return {name: kept.offset for name, kept in self._rules.items()}

    def _made(self) -> Book:
        said = {name: kept.rule for name, kept in self._rules.items()}
        rules = {name: said.get(name, rule) for name, rule in self.built.items()}  # they always have a place
        others = [name for name in said if name not in rules]
        free = max(MOST_RULES - len(rules), 0)
        rules |= {name: said[name] for name in others[:free]}
        gapped, channels, tokens = list(self._gaps), list(self._channels), list(self._tokens)
        gaps = tuple(self._gaps[network] for network in sorted(gapped[:MOST_GAPPED]))
        return Book(
            tuple(rules[name] for name in sorted(rules)),
            self._offset,
            tuple(islice(self._mistakes.values(), _MOST_MISTAKES)),
            (
                *others[free:],
                *(GAP + network for network in gapped[MOST_GAPPED:]),
                *(CHANNEL + name for name in channels[MOST_CHANNELS:]),
                *(TOKEN + name for name in tokens[MOST_TOKENS:]),
            ),
            dict(self._lines),
            gaps,
            tuple(self._channels[name] for name in sorted(channels[:MOST_CHANNELS])),
            tuple(self._silences.values())[-MOST_SILENCES:],
            tuple(self._acknowledged.values())[-MOST_ACKNOWLEDGED:],
            tuple(self._tokens[name] for name in sorted(tokens[:MOST_TOKENS])),
        )
