"""The format `higgs`: lines `A B ts KIND` of SNAP's higgs-activity_time, user A acting on user B, ts in seconds.

The data hold each reply twice: `A B ts MT` and, in the same second, `A B ts RE`. A reply is one act, so only the reply
is sent. Of the 171,237 MT lines 36,902 are such twins, one for every RE line without exception. Hence, per (A, B):
retweets = retweet_network, replies = reply_network, mentions + replies = mention_network, exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import orjson

from streams.errors import CloutError, UsageError
from streams.events import TOPIC_OF
from streams.sources.record import Produced

if TYPE_CHECKING:
    from streams.sources.report import Report

_KINDS = {b"RT": "retweet", b"RE": "reply", b"MT": "mention"}
_TOPICS = {code: TOPIC_OF[kind] for code, kind in _KINDS.items()}
_LONGEST_GROUP = 10_000  # lines of one second looked at together; the busiest real second has 55

_Line = tuple[bytes, bytes, bytes, bytes]


def read(
    lines: Iterable[bytes],
    report: Report,
    *,
    twins: bool = False,
    network: str = "twitter",
    shift_ms: int = 0,
    suffix: str = "",
) -> Iterator[Produced]:
    """The activity as events; the id of an event is its line, `A-B-ts-KIND`.

    `twins`: also send the mention that repeats a reply (then the three network files are met without adding anything).
    `shift_ms` moves all times, `suffix` is appended to user names and event ids: together they make more of the data.
    """
    if ":" in network or not suffix.isascii() or not suffix.isprintable() or set('"\\') & set(suffix):
        raise UsageError("higgs: a network has no colon, a suffix is plain ASCII without quotes and backslashes")
    return _events(lines, report, twins, network, shift_ms, suffix.encode())


def _events(
    lines: Iterable[bytes], report: Report, twins: bool, network: str, shift_ms: int, suffix: bytes
) -> Iterator[Produced]:
    prefix = network.encode() + b":"
    templates = {code: _template(code, orjson.dumps(network)[1:-1], suffix) for code in _KINDS}
    for first, group in _seconds(lines, report):
        report.reached(first)  # all of a second or nothing: which mention repeats a reply is seen in the whole group
        replies = None
        if not twins and len(group) > 1 and (said := [(a, b) for a, b, _, kind in group if kind == b"RE"]):
            replies = Counter(said)
        ts_ms = int(group[0][2]) * 1000 + shift_ms
        for actor, target, ts, kind in group:
            if replies and kind == b"MT" and replies[actor, target]:
                replies[actor, target] -= 1
                report.skip("mention that repeats a reply")
                continue
            value = templates[kind] % (actor, target, ts, actor, target, ts_ms)
            yield Produced(_TOPICS[kind], prefix + actor + suffix, value, ts_ms)


def _template(code: bytes, network: bytes, suffix: bytes) -> bytes:
    """An event of this kind, to be filled with actor, target, ts as the file has them, actor, target, ts in ms."""
    kind, network, suffix = (text.replace(b"%", b"%%") for text in (_KINDS[code].encode(), network, suffix))
    return b'{"id":"%%b-%%b-%%b-%b%b","type":"%b","network":"%b","actor":"%%b%b","target":"%%b%b","ts":%%d}' % (
        code,
        suffix,
        kind,
        network,
        suffix,
        suffix,
    )


_EDGE = "an edge of a network file, which has no times; they are in higgs-activity_time.txt"


def _seconds(lines: Iterable[bytes], report: Report) -> Iterator[tuple[int, list[_Line]]]:
    """The lines in groups of the same second, in their order, each with the number of its first."""
    group: list[_Line] = []
    second, first = b"", 0
    damage: CloutError | None = None
    lines = iter(lines)
    while True:
        try:
            line = next(lines, None)
        except CloutError as error:  # what came before it is not lost
            damage, line = error, None
        if line is None:
            break
        parts = line.split()
        if len(parts) != 4 or parts[3] not in _KINDS:
            edge = len(parts) in (2, 3) and all(part.isdigit() for part in parts)
            report.malformed(_EDGE if edge else "not `A B ts RT|RE|MT`")
            continue
        actor, target, ts, kind = parts
        if not (actor.isdigit() and target.isdigit() and ts.isdigit() and len(ts) <= 12):
            report.malformed("users and ts are whole numbers, ts in seconds")
            continue
        if (ts != second or len(group) >= _LONGEST_GROUP) and group:
            yield first, group
            group = []
        if not group:
            first = report.line
        second = ts
        group.append((actor, target, ts, kind))
    if group:
        yield first, group
    if damage:
        raise damage
