"""On which boards users are: of which network each is, and who is an account of a person. The seam to `streams.fold.networks`."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from streams.events import PERSON
from streams.fold import networks
from streams.fold.words import padded
from streams.model.texts import Texts
from streams.scoreboard.layout import MOST_NETWORKS


class Where(NamedTuple):
    """On which boards n users of one call belong."""

    numbers: NDArray[np.int64]  #: (n,) of networks, -1: on no network's board
    linked: NDArray[np.bool_]  #: (n,) accounts of persons: not on the overall board
    left: NDArray[np.bool_]  #: (n,) who of them may still be there
    names: list[str]  #: of networks, by number

    @property
    def alike(self) -> bool:
        """Are all of one network, and nobody an account of a person?"""
        return not (self.linked.any() or (self.numbers != self.numbers[0]).any())


class Networks:
    """The networks of one partition's users, numbered as they come, and how many users Redis has on the board of each.

    Those beyond the first MOST_NETWORKS have no number, and no board.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._quoted: list[str] = []
        self._known, self._bounds = padded(b""), np.zeros(1, np.int64)
        self._counts: NDArray[np.int64] = np.zeros(MOST_NETWORKS, np.int64)
        self._meet(PERSON.encode())

    def of(self, names: Texts) -> NDArray[np.int64]:
        """The numbers (n,) of these users' networks; -1: no network's board is for them."""
        out, at = np.empty(len(names), np.int64), 0
        while True:
            known = self._known, self._bounds, len(self._bounds) - 1, MOST_NETWORKS + 1
            at = networks.numbered(names.text, names.starts, names.ends, *known, at, out)
            if at == len(names):
                return np.maximum(out - 1, -1)  # the first one that is known is the persons'
            self._meet(names[at].partition(b":")[0])

    def entered(self, numbers: NDArray[np.int64]) -> None:
        """Users whose networks have these numbers are on their boards from now on."""
        self._counts += np.bincount(numbers[numbers >= 0], minlength=MOST_NETWORKS)

    def empty(self) -> None:
        """Nobody is on any board."""
        self._counts[:] = 0

    def said(self) -> dict[str, int]:
        """How many users are on the board of each network. Its name is quoted as in a URL, so a pattern of Lua's finds its end."""
        return {name: count for name, count in zip(self._quoted, self._counts.tolist(), strict=False) if count}

    def _meet(self, network: bytes) -> None:
        if len(self._bounds) > 1:
            self.names.append(network.decode())
            self._quoted.append(quote(network, safe=""))
        joined = self._known[: self._bounds[-1]].tobytes() + network
        self._known, self._bounds = padded(joined), np.append(self._bounds, len(joined))
