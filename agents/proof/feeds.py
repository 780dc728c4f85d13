"""The verdict on alerts about feeds: those that the gaps of `policies` ask for, each once, from the home of the network alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from streams.formats.header import Header
from streams.partitioner import partition_of
from streams.policies.book import Book

Record = dict[str, Any]


def differences(
    number: int, partitions: int, alerts: Iterable[Record], headers: Mapping[int, Header], book: Callable[[int], Book]
) -> Iterator[str]:
    """What is wrong, in words, with the alerts of one partition, those about users among them; headers by version.

    `book` gives the gaps of somebody who has read `policies` up to an offset.
    """
    wanted, found = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    told: dict[str, tuple[int, bool]] = {}  # by network: the gap that was told last, and whether it is on
    for version, header in sorted(headers.items()):
        on = {
            one.network: min(begins)
            for one in book(header.policies).gaps
            if (begins := [gap.since for gap in one.gaps if gap.on(header.now_ms)])
        }
        for network, since in on.items():
            before, still = told.get(network, (0, False))
            if partition_of(network, partitions) == number and not still and since != before:
                told[network] = since, True
                wanted[f"gap/{network}/{since}/raised", version] += 1
        for network, (since, still) in told.items():
            if still and network not in on:
                told[network] = since, False
                wanted[f"gap/{network}/{since}/recovered", version] += 1
    for alert in alerts:
        if alert.get("type") == "feed":
            found[alert["id"], alert["version"]] += 1
            if alert["id"] != f"gap/{alert['network']}/{alert['since']}/{alert['state']}":
                yield f"alert {alert['id']}: another id than that of its gap"
            if alert["policies"] != headers[alert["version"]].policies:
                yield f"alert {alert['id']}: told under {alert['policies']}, the header says otherwise"
    for one in sorted((wanted - found) + (found - wanted)):
        yield f"alert {one[0]} of version {one[1]}: came {found[one]} times instead of {wanted[one]}"
    ids = Counter(id_ for id_, _ in found.elements())
    yield from (f"alert {id_}: came {count} times" for id_, count in ids.items() if count > 1)
