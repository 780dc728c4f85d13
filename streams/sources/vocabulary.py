"""What the generator's objects are about: some hundred topics, in the lists that people give, as JSON."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Any

import numpy as np
import orjson

from streams.sources.shape import MOST_TOPICS, Shape

_COMMONEST = (
    "music art news photography football gaming food travel cooking politics books film science fashion coffee cats nature "
    "history café garden fitness comics dogs design running poetry space 日本 cycling theatre climate knitting chess jazz birds "
    "software baking hiking economics anime radio ocean español astronomy painting tennis education trains language weather "
    "кино basketball camping robots tea mathematics köln pottery swimming linux wine medicine fishing law"
)
_WORDS = tuple(_COMMONEST.split())
_BEFORE = ("street", "home", "daily", "vintage")
#: the commonest first
VOCABULARY: tuple[str, ...] = (*_WORDS, *(before + word for before in _BEFORE for word in _WORDS if word.isascii()))
MIXES = 2_048  #: handfuls of topics; each user is about one of them
LISTS = 16  #: what the objects of one user may be about, all out of the user's handful
_HANDFUL = MOST_TOPICS + 1
_SEED = 5  # of the lists; the feed's seed says whose are which
NO_TOPICS = 0  #: the code of the empty list

Array = np.ndarray[Any, np.dtype[Any]]


class Topics(dict[int, str]):
    """By code (`NO_TOPICS`, or 1 and above: `1 + mix * LISTS + list`) what an event has of them, `,"topics":[...]`.

    Each is written when it is first asked for; there are `MIXES * LISTS` at most.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__({NO_TOPICS: ""})
        self._words, self._counts = _lists(shape.topics, shape.topic_exponent, shape.topic_spelt)

    def __missing__(self, code: int) -> str:
        words = [_SPELT[word] for word in self._words[code - 1, : self._counts[code - 1]].tolist()]
        text = self[code] = f',"topics":{orjson.dumps(words).decode()}' if words else ""
        return text


def _spellings(word: str) -> tuple[str, ...]:
    """The word, and how else people write it: NFKC, lower case, without `#` and spaces around it is the word again."""
    apart = f" {word}" if word.isascii() else unicodedata.normalize("NFD", word)  # accents as characters of their own
    return word, f"#{word}", word.title(), f"#{word.title()}", word.upper(), apart


_SPELT = [spelt for word in VOCABULARY for spelt in _spellings(word)]
_WAYS = len(_spellings(""))


@cache
def _lists(shares: tuple[float, ...], exponent: float, spelt: float) -> tuple[Array, Array]:
    """Places in `_SPELT`, (MIXES * LISTS, MOST_TOPICS), and how many of a row count. A handful has a topic once, so has a list.

    The commoner a topic, the more handfuls have it; the first of a handful are in most of its lists.
    """
    rng = np.random.default_rng(_SEED)
    rank = np.arange(len(VOCABULARY)) + 1.0
    handfuls = np.argsort(rng.exponential(size=(MIXES, len(rank))) * rank**exponent)[:, :_HANDFUL]
    rows = MIXES * LISTS
    place = np.argsort(rng.exponential(size=(rows, _HANDFUL)) * (np.arange(_HANDFUL) + 1.0))[:, :MOST_TOPICS]
    words = np.take_along_axis(np.repeat(handfuls, LISTS, axis=0), place, axis=1) * _WAYS
    otherwise = rng.random(words.shape) < spelt
    words[otherwise] += rng.integers(1, _WAYS, int(otherwise.sum()))
    edges = np.cumsum(shares) / sum(shares)
    return words, np.searchsorted(edges, rng.random(rows), side="right").clip(max=MOST_TOPICS)
