"""`clout offline`: scores of files, without a broker."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import click
import orjson

from agents.cli.offline_explain import explained
from agents.cli.options import TIME, json_option, settings_options
from agents.cli.output import console, counted, leaderboard, moment, safe, say
from agents.cli.progress import Progress, position, progress, size_of
from agents.worker.warm import ensure
from streams.errors import UsageError
from streams.events import MAX_AHEAD_MS, Reject
from streams.model.table import Table
from streams.model.versions import model
from streams.offline import Report, Scored, fold, scored
from streams.people.controls import Control, parse
from streams.settings import Settings
from streams.sources import FORMATS, MALFORMED, Produced, Source, open_source
from streams.sources.lines import Lines, open_bytes

_TOP = 10
_REASONS = 8  # for so many a reject is shown


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--format", type=click.Choice(FORMATS), default="events", show_default=True, show_envvar=True,
              help="What the files hold: events as JSON lines, SNAP's Higgs activity, Bluesky Jetstream, GH Archive.")  # fmt: skip
@click.option("--controls", metavar="FILE", show_envvar=True,
              help="Links and facts as the topic `controls` has them, JSON one a line.")  # fmt: skip
@click.option("--as-of", type=TIME, show_envvar=True,
              help="Score at this time, without what is newer; ms since epoch or ISO 8601. Default: the newest event.")  # fmt: skip
@click.option("--out", show_envvar=True, help="Write the records as JSON lines to this file, - for stdout.")
@click.option("--top", type=click.IntRange(min=1), show_envvar=True,
              help="Only the N highest; without --json and --out a table of them (10).")  # fmt: skip
@click.option("--explain", metavar="USER", show_envvar=True,
              help="Instead of all scores, why this user scores what they score and what would change it.")  # fmt: skip
@settings_options("model")
@json_option
def offline(
    settings: Settings,
    files: tuple[str, ...],
    format: str,
    controls: str | None,
    as_of: int | None,
    out: str | None,
    top: int | None,
    explain: str | None,
    json: bool,
) -> int:
    """Score the events of files (plain, gzip, zstd; - for stdin) with the functions a worker uses, and no broker.

    One score record a line for everyone who acted or was acted on, the highest first; files are read in the order given.
    This is the reference the live path is tested against. Bad records are counted; exit code 1 only if all are bad.

    \b
    clout offline events.ndjson
    clout offline events.ndjson --explain bluesky:bob
    clout offline higgs-activity_time.txt.gz --format higgs --as-of 2012-07-05 --out scores.ndjson
    """
    ensure(say)
    began_s = time.monotonic()
    report = Report()
    skipped: dict[str, int] = {}
    if explain is not None and (out is not None or top is not None):
        raise UsageError("--explain is about one user: leave out --out and --top")
    lines = json or out is not None
    with _opened(out) as to:
        said = _controls(controls, report) if controls else []
        table = _fold(settings, files, format, said, as_of, report, skipped)
        as_of_ms = table.clock if as_of is None else as_of
        if explain is not None:
            _sum_up(table, report, skipped, as_of_ms, time.monotonic() - began_s)
            return explained(table, explain, as_of_ms, json=json)
        with progress("scoring", "users", min(len(table), top or len(table))) as bar:
            best = scored(table, as_of_ms, top if lines or top else _TOP, bar.update)
            if lines:
                _write(to, best)
            else:
                console().print(leaderboard([orjson.loads(one.record) for one in best]))
    _sum_up(table, report, skipped, as_of_ms, time.monotonic() - began_s)
    unread = any(reason.startswith(MALFORMED) for reason in skipped)
    return 1 if (table.counts.rejected or unread) and not table.counts.folded and not report.later else 0


def _fold(
    settings: Settings,
    files: tuple[str, ...],
    format: str,
    controls: list[Control],
    as_of_ms: int | None,
    report: Report,
    skipped: dict[str, int],
) -> Table:
    sizes = [size_of(path) for path in files]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    now: list[Source] = []
    with progress("folding", "events", total) as bar:

        def read() -> Iterator[Produced]:
            for path in files:
                with open_source(path, format) as source:
                    now[:] = [source]
                    yield from source
                if source.first_bad:
                    say(f"{safe(path)}:{source.first_bad}: the first line that is no event")
                for reason, count in source.skipped.items():
                    skipped[reason] = skipped.get(reason, 0) + count

        def look() -> None:
            _look(bar, report.read, now[0] if now else None, files, sizes, total)

        newest_ms = int(time.time() * 1000) + MAX_AHEAD_MS
        return fold(
            read(),
            model(settings.model),
            newest_ms=newest_ms,
            as_of_ms=as_of_ms,
            report=report,
            on_block=look,
            controls=controls,
        )


def _controls(path: str, report: Report) -> list[Control]:
    """Those of a file; what is none is a reject, as in a worker."""
    newest_ms, found = int(time.time() * 1000) + MAX_AHEAD_MS, []
    with open_bytes(path) as raw:
        for line in Lines(raw, path):
            if line.strip():
                one = parse(line, newest_ms)
                if isinstance(one, Reject):
                    report.rejects[one.reason] += 1
                    report.examples.setdefault(one.reason, one)
                else:
                    found.append(one)
    return found


def _look(
    bar: Progress, done: int, source: Source | None, files: tuple[str, ...], sizes: list[int | None], total: int | None
) -> None:
    if source is None or total is None:
        bar.update(done)
        return
    before = sum(size or 0 for size in sizes[: files.index(source.path)])
    bar.update(done, before + position(source))


@contextmanager
def _opened(out: str | None) -> Iterator[BinaryIO]:
    """Where the lines go; a file is opened before the work begins, not after."""
    if out is None or out == "-":
        yield click.get_binary_stream("stdout")
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(out).open("wb"))
        except OSError as error:
            raise UsageError(f"--out {out} cannot be written: {error.strerror}") from None
        yield file


def _write(to: BinaryIO, best: Iterator[Scored]) -> None:
    while lines := [one.record for one in itertools.islice(best, 1_000)]:
        to.write(b"\n".join(lines) + b"\n")
    to.flush()


def _sum_up(table: Table, report: Report, skipped: dict[str, int], as_of_ms: int, seconds: float) -> None:
    counts = table.counts
    if not len(table):
        say("no event to score" + (f": all {report.later:,} are newer than --as-of" if report.later else ""))
    else:
        say(
            f"{len(table):,} users from {counts.folded:,} events as of {moment(as_of_ms)} ({as_of_ms}), "
            f"model {table.model.name}, in {seconds:.1f} s"
        )
    notes = {
        "repeats dropped": counts.repeats,
        "undone": counts.undone,
        "undo of something unknown": counts.undo_unknown,
        "self-engagements": counts.self_engagements,
        "newer than --as-of": report.later,
    }
    if shown := counted({name: count for name, count in notes.items() if count}):
        say(shown)
    if rejected := report.rejects.total():
        say(f"rejected {rejected:,}: {counted(report.rejects)}; the first of each:")
        for reason, _ in report.rejects.most_common(_REASONS):
            first = report.examples[reason]
            say(f"  {reason}  {safe(first.path)}  {safe(first.message)}")
    if skipped:
        say(f"skipped {sum(skipped.values()):,}: {counted(skipped)}")
