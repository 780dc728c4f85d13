"""`clout feed` of a file, stdin or the generator: sent as fast as wanted, with where to go on when it breaks off."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, BinaryIO, cast

from agents.cli.feed_paths import SYNTHETIC, Asked, checked, expanded
from agents.cli.output import counted, json_line, safe, say
from agents.cli.progress import position, progress, size_of
from agents.feeds.arriving import Arriving, own_stdin
from agents.feeds.feeder import Feeder, Refused
from agents.feeds.feeder import feed as send_all
from agents.feeds.followed import Followed
from agents.feeds.places import Places
from agents.feeds.realtime import OwnPace
from agents.feeds.realtime import feed as send_timed
from streams.broker.admin import Admin
from streams.errors import CloutError, TopicMismatch, UsageError
from streams.fold.rows import PER_KIND
from streams.settings import Settings
from streams.sources import FORMATS, MALFORMED, Produced, Source, Synthetic, open_source
from streams.sources.persons import persons
from streams.topics import CONTROLS, EVENTS, Topic

SYNTHETIC_RATE = 2_000.0  # without a limit and a rate the generator would fill the broker's disk
_MOST_REFUSALS_SAID = 20
_QUIET_S = 0.02  # how often a pipe that has nothing is looked at


def run(settings: Settings, sources: Sequence[str], asked: Asked) -> int:
    """One after the other. Returns the exit code."""
    paths = expanded(sources)
    checked(paths, asked)
    code, left = 0, asked.limit
    pace = OwnPace(asked.speed or 1.0) if asked.realtime or asked.speed else None
    for number, path in enumerate(paths):
        one = asked._replace(limit=left, from_line=None if number else asked.from_line)
        try:
            failed, fed = _one(settings, path, one, pace)
        except (CloutError, KeyboardInterrupt):
            if rest := paths[number + 1 :]:
                say(safe(f"clout: nothing was sent of {', '.join(rest[:3])}{' and others' if rest[3:] else ''}"))
            raise
        code, left = code or failed, None if left is None else left - fed
        if left == 0:
            break
    return code


def _one(settings: Settings, source: str, asked: Asked, pace: OwnPace | None) -> tuple[int, int]:
    """The exit code, and how many records were sent."""
    format, limit, rate = asked.format, asked.limit, asked.rate
    records: Source | Synthetic
    head: Iterable[Produced] = ()
    if source == SYNTHETIC:
        if rate is None and limit is None:
            rate = SYNTHETIC_RATE
            say(f"{rate:,.0f} records a second until Ctrl-C; see --rate and --limit")
        start_ms = _now_ms()  # also part of the ids, so that another run does not repeat this one's
        records = Synthetic(asked.seed, asked.users, rate, start_ms, clock=_now_ms)
        head = persons(asked.seed, asked.users, asked.linked, start_ms)
    else:
        opened = cast(BinaryIO, Followed(source)) if asked.follow else own_stdin() if source == "-" else None
        more = {"columns": asked.column, "values": asked.value} if format == "csv" else {}
        records = open_source(source, format, opened=opened, from_line=asked.from_line or 1, **more)
    topics_are_there(settings, (*EVENTS, CONTROLS) if asked.linked else EVENTS)
    endless = source in (SYNTHETIC, "-") or asked.follow
    total = limit if limit is not None or endless else size_of(source)
    by_bytes = isinstance(records, Source) and limit is None and total is not None
    trickles = isinstance(records, Source) and (asked.follow or size_of(source) is None)
    feeder = Feeder(settings, on_refused=_refusals())
    places = Places(records) if isinstance(records, Source) else None
    began_s = time.monotonic()
    with progress("feeding", "records", total) as bar:

        def look() -> None:
            if places:
                places.settle(feeder.unsettled)
            events = feeder.sent - feeder.acked[CONTROLS.name]
            bar.update(events, position(records) if by_bytes and isinstance(records, Source) else None)

        try:
            asyncio.run(_feed(feeder, head, places or records, rate, limit, trickles, look, pace))
        except (CloutError, KeyboardInterrupt) as error:
            if places and feeder.sent and not isinstance(error, UsageError):
                say(_how_to_go_on(feeder, places, source, format))
            raise
        finally:
            _sum_up(feeder, records, time.monotonic() - began_s, asked.json)
    failed = isinstance(records, Source) and _nothing_useful(records, feeder.sent)
    return int(failed or feeder.refused > 0), feeder.sent - feeder.acked[CONTROLS.name]


def _nothing_useful(source: Source, sent: int) -> bool:
    """Was there something, and none of it an event? Then it is said."""
    wrong = source.useless + sum(n for reason, n in source.skipped.items() if reason.startswith(MALFORMED))
    if not wrong or source.useless < sent:
        return False
    what = f"clout: none of {wrong:,} lines is an event" + (", each becomes a reject" if source.useless else "")
    say(f"{what}; is {safe(source.path)} the right file, and {source.format} its --format?")
    return True


def _how_to_go_on(feeder: Feeder, places: Places, source: str, format: str) -> str:
    """From which line, and what is then counted twice."""
    first = feeder.unsettled
    places.settle(first)
    line, given = places.line(), "" if format == FORMATS[0] else f" --format {format}"
    where = f"with line {line} of what came through the pipe"
    if size_of(source) is not None:
        where = f"with `clout feed {safe(shlex.quote(source))}{given} --from-line {line}`"
    behind = feeder.acked.total() + feeder.refused - (first - 1)
    told = f"clout: go on {where}: everything before it has arrived"
    if not behind and not feeder.uncertain:
        return f"{told}, and nothing of what follows"
    return (
        f"{told}. Of what follows {behind:,} records have arrived and {feeder.uncertain:,} may have; sent again they count "
        f"twice, unless their id is still among the last {PER_KIND} of their actor in their topic"
    )


def _now_ms() -> int:
    return int(time.time() * 1000)


def topics_are_there(settings: Settings, wanted: Collection[Topic]) -> None:
    """A broker that creates topics by itself would make them with one partition."""
    with Admin(settings) as admin:
        problems = [topic.problem for topic in admin.find() if topic.topic in wanted and not topic.ok]
    if problems:
        raise TopicMismatch("\n".join(problems))


async def _feed(
    feeder: Feeder,
    head: Iterable[Produced],
    records: Iterable[Produced],
    rate: float | None,
    limit: int | None,
    trickles: bool,
    look: Callable[[], None],
    pace: OwnPace | None,
) -> None:
    async with feeder:
        if head:
            await send_all(feeder, head)
        if pace:
            await send_timed(feeder, records, pace, limit, look)
            return
        if not trickles:
            await send_all(feeder, records, rate=rate, limit=limit, on_turn=look)
            return
        arriving = Arriving(records)
        left = limit
        while not arriving.ended and left != 0:
            sent = await send_all(feeder, arriving.now(), rate=rate, limit=left, on_turn=look)
            left = None if left is None else left - sent
            if not sent:
                await asyncio.sleep(_QUIET_S)


def _refusals() -> Callable[[Refused], None]:
    said = 0

    def refused(what: Refused) -> None:
        nonlocal said
        said += 1
        if said <= _MOST_REFUSALS_SAID:
            say(f"clout: {what}")
        elif said == _MOST_REFUSALS_SAID + 1:
            say("clout: more records were refused; the last line counts them")

    return refused


def _sum_up(feeder: Feeder, records: Any, seconds: float, json: bool) -> None:
    fed = feeder.acked.total()
    skipped = dict(getattr(records, "skipped", {}))
    per_s = fed / seconds if seconds > 0 else 0.0
    line = f"fed {fed:,} records in {seconds:.1f} s ({per_s:,.0f}/s)"
    line += f": {counted(feeder.acked)}" if fed else ""
    line += f"; skipped {sum(skipped.values()):,}: {counted(skipped)}" if skipped else ""
    first_bad = getattr(records, "first_bad", None)
    line += f"; the first line that is no event is {first_bad:,}" if first_bad else ""
    line += f"; refused {feeder.refused:,}" if feeder.refused else ""
    lost = feeder.sent - fed - feeder.refused
    line += f"; not acknowledged {lost:,}" if lost else ""
    say(safe(line))
    if json:
        json_line(
            {
                "fed": fed,
                "topics": dict(feeder.acked),
                "skipped": skipped,
                "first_bad_line": first_bad,
                "refused": feeder.refused,
                "not_acknowledged": lost,
                "seconds": round(seconds, 3),
                "events_per_s": round(per_s, 1),
            }
        )
