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

from agents.cli.file_options import controls_option, format_option
from agents.cli.files import Files, controls_of, newest_ms, sum_up
from agents.cli.offline_explain import explained
from agents.cli.options import TIME, json_option, settings_options
from agents.cli.output import console, leaderboard, say
from agents.cli.progress import progress
from agents.worker.warm import ensure
from streams.errors import UsageError
from streams.model.table import Table
from streams.model.versions import model
from streams.offline import Report, Scored, fold, scored
from streams.people.controls import Control
from streams.settings import Settings

_TOP = 10


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@format_option
@controls_option
@click.option("--as-of", type=TIME, show_envvar=True,
              help="Score at this time, without what is newer; ms since epoch or ISO 8601. Default: the newest event.")  # fmt: skip
@click.option("--out", show_envvar=True, help="Write the records as JSON lines to this file, - for stdout.")
@click.option("--top", type=click.IntRange(min=1), show_envvar=True,
              help="Only the N highest; without --json and --out a table of them (10).")  # fmt: skip
@click.option("--explain", metavar="USER", show_envvar=True,
              help="Instead of all scores, why this user scores what they score and what would change it.")  # fmt: skip
@settings_options("model", "day_closes")
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
    sources = Files(files, format)
    if explain is not None and (out is not None or top is not None):
        raise UsageError("--explain is about one user: leave out --out and --top")
    lines = json or out is not None
    with _opened(out) as to:
        table = _fold(settings, sources, controls_of(controls, report), as_of, report)
        as_of_ms = table.clock if as_of is None else as_of
        if explain is not None:
            sum_up(table, report, sources, as_of_ms, time.monotonic() - began_s)
            return explained(table, explain, as_of_ms, json=json)
        with progress("scoring", "users", min(len(table), top or len(table))) as bar:
            best = scored(table, as_of_ms, top if lines or top else _TOP, bar.update)
            if lines:
                _write(to, best)
            else:
                console().print(leaderboard([orjson.loads(one.record) for one in best]))
    sum_up(table, report, sources, as_of_ms, time.monotonic() - began_s)
    return 1 if (table.counts.rejected or sources.unread) and not table.counts.folded and not report.later else 0


def _fold(settings: Settings, files: Files, controls: list[Control], as_of_ms: int | None, report: Report) -> Table:
    with progress("folding", "events", files.size) as bar:
        return fold(
            files.read(),
            model(settings.model),
            newest_ms=newest_ms(),
            as_of_ms=as_of_ms,
            report=report,
            on_block=lambda: files.look(bar, report.read),
            controls=controls,
            closes_ms=settings.day_closes_ms,
        )


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
