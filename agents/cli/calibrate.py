"""`clout calibrate`: the constants of the curve, out of files, of half a year of steady traffic, or of what Redis shows now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from agents.cli.options import REDIS, TIME, json_option, settings_options
from agents.cli.output import console, json_line, safe, say, table
from agents.cli.progress import Progress, progress
from agents.cli.redis import ask, now_ms
from agents.worker.warm import ensure
from streams.errors import CloutError, UsageError
from streams.model.versions import Model
from streams.model.versions import model as model_of
from streams.settings import Settings
from streams.sources import FORMATS, Produced, Synthetic, open_source

if TYPE_CHECKING:
    from agents.cli.distributions import Distribution
    from streams.calibration.fit import Goal
    from streams.scoreboard.reader import Reader

SYNTHETIC = "synthetic"
_SECONDS_A_WEEK = 7 * 86_400


class _Steady(NamedTuple):
    """How a week is repeated."""

    format: str
    users: int
    weekly: float
    new: float
    moves: float
    mixture: bool


@click.command()
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option("--live", is_flag=True, show_envvar=True, help="The people on the scoreboard in Redis, as of now.")
@click.option("--steady", is_flag=True, show_envvar=True,
              help="Repeat the first week of each SOURCE for 26 weeks; people come and go.")  # fmt: skip
@click.option("--format", type=click.Choice(FORMATS), default="events", show_default=True, show_envvar=True,
              help="What the files hold: events as JSON lines, SNAP's Higgs activity, Bluesky Jetstream, GH Archive.")  # fmt: skip
@click.option("--as-of", type=TIME, show_envvar=True,
              help="Of files: as of this time; ms since epoch or ISO 8601. Default: the newest event.")  # fmt: skip
@click.option("--average", type=click.FloatRange(1, 99), default=40.0, show_default=True, show_envvar=True,
              help="The average score to reach.")  # fmt: skip
@click.option("--top", type=click.FloatRange(1, 99), default=63.0, show_default=True, show_envvar=True,
              help="The score at which the top 5 % are to begin.")  # fmt: skip
@click.option("--mixture", is_flag=True, show_envvar=True,
              help="With --steady: also the mixture of windows under which averages and top 5 % move least.")  # fmt: skip
@click.option("--users", type=click.IntRange(min=100), default=12_000, show_default=True, show_envvar=True,
              help="People of the generator (SOURCE synthetic).")  # fmt: skip
@click.option("--weekly", type=click.FloatRange(min=0.1), default=40.0, show_default=True, show_envvar=True, metavar="N",
              help="What each of them does in a week on average (SOURCE synthetic).")  # fmt: skip
@click.option("--new", type=click.FloatRange(0, 1), default=0.05, show_default=True, show_envvar=True, metavar="SHARE",
              help="With --steady: this part of all people leave each week, and new ones come.")  # fmt: skip
@click.option("--moves", type=click.FloatRange(0, 10), default=1.5, show_default=True, show_envvar=True, metavar="DOUBLINGS",
              help="With --steady: by how much others get more or less than in the week before.")  # fmt: skip
@click.option("--page", metavar="FILE", show_envvar=True, help="Also write the distributions as a page (HTML).")
@settings_options("model", "clock", *REDIS)
@json_option
def calibrate(
    settings: Settings,
    sources: tuple[str, ...],
    live: bool,
    steady: bool,
    as_of: int | None,
    average: float,
    top: float,
    page: str | None,
    json: bool,
    **repeated: Any,
) -> None:
    """Fit the curve: the half mass and the steepness with which people average 40 and the top 5 % begin at 63.

    Who counts: everyone engaged with in the last 90 days. SOURCE is a file (plain, gzip or zstd), - for stdin, or with --steady
    `synthetic` for the generator. Files are one feed, in the order given; with --steady each SOURCE is a feed of its own.

    It also says how the model that is in force fares. Nothing is changed: constants live in named models.

    \b
    clout calibrate events.ndjson
    clout calibrate higgs-activity_time.txt.gz synthetic --format higgs --steady --page page.html
    clout calibrate --live
    """
    from agents.cli.distribution_page import written
    from agents.cli.distributions import told
    from streams.calibration.fit import Goal

    how, goal = _Steady(**repeated), Goal(average, top)
    _usage(sources, goal, live=live, steady=steady, as_of=as_of, mixture=how.mixture)
    model = model_of(settings.model)
    if page is not None:
        _writable(page)
    if live:
        found = [_live(settings, model, goal)]
    else:
        ensure(say)
        found = [_steady(source, how, model, goal) for source in sources] if steady else [
            _files(sources, how.format, model, goal, as_of)
        ]  # fmt: skip
    for one in found:
        if json:
            json_line(told(one))
        else:
            _print(one)
    if page is not None:
        Path(page).write_text(written(found), encoding="utf-8")
        say(f"page: {safe(page)}")


def _usage(sources: tuple[str, ...], goal: Goal, *, live: bool, steady: bool, as_of: int | None, mixture: bool) -> None:
    """Raises UsageError for what does not go together."""
    if live == bool(sources):
        raise UsageError("give files to read, or --live for what Redis shows now: one of the two")
    if goal.average >= goal.top:
        raise UsageError(f"--average {goal.average:g} is not below --top {goal.top:g}")
    if steady and (live or as_of is not None):
        raise UsageError("--steady is about half a year out of one week: it goes with neither --live nor --as-of")
    if mixture and not steady:
        raise UsageError("--mixture needs --steady: at a single moment the windows cannot be told apart")
    if SYNTHETIC in sources and not steady:
        raise UsageError("`synthetic` needs --steady: the generator is a feed and no file")
    if live and as_of is not None:
        raise UsageError("--as-of is for files; --live is now")


def _writable(page: str) -> None:
    try:
        Path(page).open("ab").close()
    except OSError as error:
        raise UsageError(f"--page {page} cannot be written: {error.strerror}") from None


def _files(sources: tuple[str, ...], format: str, model: Model, goal: Goal, as_of_ms: int | None) -> Distribution:
    from agents.cli.distributions import at_once
    from streams.calibration.population import of_table
    from streams.events import NEWEST_MS
    from streams.offline import Report, fold

    report = Report()

    def read(bar: Progress) -> Iterator[Produced]:
        for number, record in enumerate(_records(sources, format)):
            bar.update(number)
            yield record

    with progress("folding", "events", None) as bar:
        table = fold(read(bar), model, newest_ms=NEWEST_MS, as_of_ms=as_of_ms, report=report)
    at_ms = table.clock if as_of_ms is None else as_of_ms
    return at_once(", ".join(map(_name, sources)), of_table(table, at_ms), model, goal, at_ms)


def _records(sources: tuple[str, ...], format: str) -> Iterator[Produced]:
    for source in sources:
        with open_source(source, format) as records:
            yield from records


def _name(source: str) -> str:
    return "stdin" if source == "-" else Path(source).name


def _steady(source: str, how: _Steady, model: Model, goal: Goal) -> Distribution:
    from agents.cli.distributions import over_weeks
    from streams.calibration import mixtures
    from streams.calibration.steady import WEEKS, populations
    from streams.calibration.turnover import turnover
    from streams.calibration.week import LEARNT, read, weigh

    name = SYNTHETIC if source == SYNTHETIC else _name(source)
    if source == SYNTHETIC:
        n = round(how.users * how.weekly)
        week = read(Synthetic(1, how.users, n / _SECONDS_A_WEEK, limit=n), name)
    else:
        week = read(_records((source,), how.format), name)
    people = turnover(week.engagements, WEEKS, new=how.new, moves=how.moves)
    with progress(f"weighing {name}", "events", LEARNT * len(week.kinds)) as bar:
        weighed = weigh(week, people, model, bar.update)
    note = (
        f"{len(week.kinds):,} events a week by and for {week.roles:,} people, {WEEKS} weeks; each week {how.new:.0%} are new, the "
        f"others move by {how.moves:g} doublings"
    )
    tried = []
    if how.mixture:
        with progress(f"mixtures of {name}", "moments", None) as bar:
            tried = mixtures.tried(_counting(lambda m: populations(week, people, weighed, m), bar), model, goal)
        model = replace(model, mixture=tried[0].mixture)
    moments = list(populations(week, people, weighed, model))
    return over_weeks(name, note, moments, model, goal, tried)


def _counting(make: Callable[[Model], Iterator[Any]], bar: Progress) -> Callable[[Model], Iterator[Any]]:
    done = 0

    def counted(model: Model) -> Iterator[Any]:
        nonlocal done
        for one in make(model):
            done += 1
            bar.update(done)
            yield one

    return counted


def _live(settings: Settings, model: Model, goal: Goal) -> Distribution:
    from agents.cli.distributions import at_once
    from streams.calibration.population import of_records

    async def read(reader: Reader) -> Distribution:
        at_ms = await now_ms(settings, reader)
        records = [record async for record in reader.everyone()]
        if not records:
            raise CloutError("nobody is on the scoreboard: is a worker running (`clout worker`), was anything fed?")
        return at_once("the scoreboard", of_records(records, model, at_ms), model, goal, at_ms)

    return ask(settings, read)


def _print(one: Distribution) -> None:
    from agents.cli.distributions import lines, rows

    for line in lines(one):
        click.echo(line)
    if one.weeks:
        console().print(table(("week", "when", "average", "top 5 % from"), rows(one), wide=("when",)))
