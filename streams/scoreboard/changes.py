"""The users of one call to Redis: who, where on the board, with what record. The seam to `streams.fold.lists`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

import numpy as np
from msgspec import msgpack
from numpy.typing import NDArray

from streams.fold import lists
from streams.fold.digits import MOST_ESCAPED, MOST_NUMBER
from streams.fold.lists import MOST_HEAD
from streams.fold.words import SPARE
from streams.model.texts import Texts
from streams.model.windows import Floats
from streams.scoreboard.networks import Networks, Where

Change = tuple[str, float | None, bytes]  #: user, score (None: their place on the board is near enough), record


class Boards(NamedTuple):
    """Who is written on which boards: lists as MessagePack, [score, user, ...] but `left`; empty bytes: nobody."""

    alone: bytes  #: on the overall board, and on no network's
    left: bytes  #: [user, ...] who leave the overall board
    networks: list[tuple[str, bytes, bytes]]  #: network, on both boards, on the network's alone


class Changes(Sequence[Change]):
    """n users. A sequence of `Change`, and ready lists for the call."""

    __slots__ = ("_moved", "_names", "_new", "_records", "_scores", "_where")

    def __init__(
        self,
        names: Texts,
        scores: Floats,
        moved: NDArray[np.bool_],
        records: Texts,
        where: Where | None = None,
        new: NDArray[np.bool_] | None = None,
    ) -> None:
        """`moved` (n,): whose place on boards is written; `where` they belong, None: all on the overall board alone.

        `new` (n,): whom Redis does not have yet; None: nobody.
        """
        self._names, self._scores, self._moved, self._records, self._where = names, scores, moved, records, where
        self._new = new

    @classmethod
    def of(cls, users: Sequence[Change]) -> Changes:
        """Of changes at hand, all of them new to Redis."""
        names, records = Texts.of([user.encode() for user, *_ in users]), Texts.of([record for *_, record in users])
        scores = np.array([np.nan if score is None else score for _, score, _ in users], np.float64)
        moved = np.array([score is not None for _, score, _ in users], np.bool_)
        return cls(names, scores, moved, records, _where(names), np.ones(len(names), np.bool_))

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Change]:
        places = [score if moved else None for score, moved in zip(self._scores.tolist(), self._moved, strict=True)]
        return zip((name.decode() for name in self._names), places, self._records, strict=True)

    @overload
    def __getitem__(self, number: int) -> Change: ...
    @overload
    def __getitem__(self, number: slice) -> list[Change]: ...
    def __getitem__(self, number: int | slice) -> Change | list[Change]:
        return list(self)[number]

    def new(self) -> list[str]:
        """Whom Redis does not have yet."""
        if self._new is None:
            return []
        return [self._names[i].decode() for i in np.flatnonzero(self._new).tolist()]

    def places(self) -> bytes:
        """[score, user, ...] as MessagePack of those who moved; empty when nobody did."""
        return self._places(self._moved)

    def _places(self, some: NDArray[np.bool_]) -> bytes:
        count, names = int(np.count_nonzero(some)), self._names
        if not count:
            return b""
        out = np.empty(len(self) * (9 + MOST_HEAD) + names.size + SPARE, np.uint8)
        end = lists.placed(names.text, names.starts, names.ends, self._scores, some, count, out)
        return out[:end].tobytes()

    def boards(self) -> Boards:
        """Of those who moved, each on their boards. No list is packed twice: mostly it is one, for two boards."""
        where = self._where
        if where is None or not len(self):
            return Boards(self.places(), b"", [])
        if where.alike:
            number, places = int(where.numbers[0]), self.places()
            if number < 0 or not places:
                return Boards(places, b"", [])
            return Boards(b"", b"", [(where.names[number], places, b"")])
        group = np.where(self._moved, 2 * (where.numbers + 1) + where.linked, -1)
        # 0: on no network's board; 1: and an account of a person, so on none
        packed = {g: self._places(group == g) for g in np.unique(group).tolist() if g >= 0 and g != 1}
        named = [
            (where.names[number - 1], packed.get(2 * number, b""), packed.get(2 * number + 1, b""))
            for number in sorted({g // 2 for g in packed if g > 1})
        ]
        left = [self._names[i].decode() for i in np.flatnonzero(where.left).tolist()]
        return Boards(packed.get(0, b""), msgpack.encode(left) if left else b"", named)

    def records(self) -> bytes:
        """[user, record, ...] as MessagePack; empty when there is nobody."""
        names, records = self._names, self._records
        if not len(names):
            return b""
        out = np.empty(2 * len(self) * MOST_HEAD + names.size + records.size + SPARE, np.uint8)
        end = lists.recorded(*(names.text, names.starts, names.ends, records.text, records.starts, records.ends), out)
        return out[:end].tobytes()

    def updates(self, board: Floats, before: Floats, step: float, partition: int, now_ms: int) -> bytes | None:
        """{"partition", "as_of", "users": [[user, score, before], ...]} of those on whose place another score is displayed now.

        `board` (n,) is what the board had, 0: nothing is known of it; `before` (n,) what was shown, 0: nothing, which is null.
        Scores are displayed in steps. None: nobody's is another.
        """
        names, head = self._names, b'{"partition":%d,"as_of":%d,"users":[' % (partition, now_ms)
        out = np.empty(len(head) + len(self) * (2 * MOST_NUMBER + 7) + MOST_ESCAPED * names.size + SPARE, np.uint8)
        out[: len(head)] = np.frombuffer(head, np.uint8)
        end = lists.updates(
            *(names.text, names.starts, names.ends, board, before, self._scores, self._moved, step), out, len(head)
        )
        return out[:end].tobytes() + b"]}" if end > len(head) else None


def _where(names: Texts) -> Where:
    """All on the board of their network too, none an account of a person."""
    networks, nobody = Networks(), np.zeros(len(names), np.bool_)
    return Where(networks.of(names), nobody, nobody, networks.names)
