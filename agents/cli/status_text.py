"""`clout status` for people: a line or a small table for each thing, what is wrong last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agents.cli.output import Table, moment, safe, table

if TYPE_CHECKING:
    from rich.text import Text

Record = dict[str, Any]
_WHAT = 11  # cells of what a line is about
_MOST = 6  # partitions that are told one by one


def parts(found: Record) -> Iterator[Text | Table]:
    """To be printed one after the other."""
    yield _line("workers", _workers(found))
    if len(found["partitions"]) <= _MOST:
        yield from (_line("", _partition(one)) for one in found["partitions"])
    yield _line("rules", _rules(found["rules"]))
    yield from _some("gaps", found["gaps"], _gap)
    yield from _some("silences", found["silences"], lambda one: f"{one['name']} until {moment(one['until'])}")
    if not found["channels"]:
        yield _line("channels", "none: nobody hears of alerts")
    for n, one in enumerate(found["channels"]):
        yield _line("" if n else "channels", _channel(one))
    yield from _some("sources", found["sources"], _source)
    if found["deliveries"]:
        yield _line("deliveries", "the latest")
        names = ("at", "channel", "what", "about", "attempts", "said")
        rows = [
            (
                moment(one["at"] // 1000 * 1000),
                one["channel"],
                one["state"],
                one["about"],
                str(one["attempts"]),
                one["said"],
            )
            for one in found["deliveries"]
        ]
        yield table(names, rows, wide=("at", "channel", "what", "about", "said"))
    for n, text in enumerate(found["wrong"]):
        yield _line("" if n else "wrong", text, "red")
    if not found["wrong"]:
        yield _line("wrong", "nothing", "green")


def _line(what: str, said: str, style: str = "") -> Text:
    from rich.text import Text

    return Text.assemble((f"{what:{_WHAT}}", "bold"), (safe(said), style))


def _workers(found: Record) -> str:
    heard = sum(one["owner"] is not None for one in found["partitions"])
    latency = found["latency_ms"]
    p99 = f", event to score p50 {latency['p50']:,.0f} ms, p99 {latency['p99']:,.0f} ms" if latency["p99"] else ""
    count = len(found["workers"])
    return f"{count:,} for {heard} of {len(found['partitions'])} partitions, {found['users']:,} users{p99}"


def _partition(one: Record) -> str:
    if one["owner"] is None:
        return f"{one['partition']}  nobody yet"
    return (
        f"{one['partition']}  {one['owner']}, scored as of {one['age_ms'] / 1000:,.1f} s ago, {one['users']:,} users, "
        f"{one['model']}, version {one['version']}"
    )


def _rules(rules: list[Record] | None) -> str:
    if rules is None:
        return "not known: neither Kafka nor a worker has told them"
    names = ", ".join(f"{one['name']} ({one['severity']})" for one in rules[:_MOST])
    more = f" and {len(rules) - _MOST:,} more" if len(rules) > _MOST else ""
    return f"{len(rules):,} in force: {names}{more}" if rules else "none in force"


def _some(what: str, some: list[Record] | None, words: Any) -> Iterator[Text]:
    if some is None:
        yield _line(what, "not known without Kafka")
    for n, one in enumerate(some or ()):
        yield _line("" if n else what, words(one))


def _gap(one: Record) -> str:
    return f"nothing comes from {one['network']} since {moment(one['since'])} ({one.get('by', 'declared')})"


def _channel(one: Record) -> str:
    said, standing = f"{one['name']}: {one['state']}", one["standing"]
    if not standing:
        return said
    oldest = f", the oldest since {moment(standing['oldest'] // 1000 * 1000)}" if standing["oldest"] else ""
    return f"{said}; {standing['waiting']:,} waiting{oldest}, {standing['dead']:,} dead"


def _source(one: Record) -> str:
    standing = one["standing"]
    lag = "" if standing["lag_ms"] is None else f", {max(standing['lag_ms'], 0) / 1000:,.1f} s behind"
    gap = "" if standing["gap"] is None else f", gap since {moment(standing['gap'] // 1000 * 1000)}"
    lost = f", {standing['errors']:,} connections lost" if standing["errors"] else ""
    return f"{one['name']}: {one['state']}; {standing['rate']:,.0f} events/s{lag}, {standing['events']:,} events{lost}{gap}"
