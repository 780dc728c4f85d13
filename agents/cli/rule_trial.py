"""`clout rule test`: rules over history, and what they would have sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from agents.cli.file_options import controls_option, format_option
from agents.cli.options import TIME, json_option, settings_options
from agents.cli.rule_lines import Seconds
from agents.cli.rule_options import SETTINGS, said_options
from streams.errors import UsageError
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.model.cases import Alert
    from streams.model.rules import Rule
    from streams.trial import Trial

_NAME = "tested"  # of a rule that is made of options


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@format_option
@controls_option
@click.option("--rule", "rule", multiple=True, show_envvar=True,
              help="The rule of this name out of the topic; several times for several. This needs Kafka.")  # fmt: skip
@click.option(
    "--file", metavar="FILE", show_envvar=True, help="The rules of this file, as `clout rule add` reads them."
)
@said_options
@click.option("--every", type=Seconds(), default="15m", show_default=True, show_envvar=True,
              help="How often everybody is looked at, in the time of the events: 1m, 1h.")  # fmt: skip
@click.option("--until", type=TIME, show_envvar=True,
              help="Up to this time, without what is newer; ms since epoch or ISO 8601. Default: the newest event.")  # fmt: skip
@click.option("--silence", type=Seconds(), default="0", show_envvar=True,
              help="And then so long nothing happens: 7d, 30d. Who only falls silent is told of then.")  # fmt: skip
@settings_options(*SETTINGS, "model", "day_closes")
@json_option
def test(
    settings: Settings,
    files: tuple[str, ...],
    format: str,
    controls: str | None,
    rule: tuple[str, ...],
    file: str | None,
    every: int,
    until: int | None,
    silence: int,
    json: bool,
    **said: Any,
) -> None:
    """Run rules over the events of files, and show what they would have sent: each alert, then how many there were.

    The rule is said as in `clout rule add`, or comes from a --file, or from the topic (--rule). It is tried from the first event
    on, also if it is switched off or holds from a later time on. What a worker judges with judges here, by the clock of the
    events; a worker looks at everybody each few seconds, here it is --every. With --json the alerts as in the topic, one a line,
    and then one object `summary`.

    \b
    clout rule test events.ndjson --falls 5 --within 7d
    clout rule test events.ndjson --rule big-fall --silence 30d
    clout rule test higgs-activity_time.txt.gz --format higgs --file rules.json --every 1h --json
    """
    from agents.cli.files import Files, controls_of, newest_ms, sum_up
    from agents.cli.output import say
    from agents.cli.progress import progress
    from agents.worker.warm import ensure
    from streams.model.versions import model
    from streams.policies.book import Book
    from streams.trial import Span, Trial

    if every < 1:
        raise UsageError("--every: at least 1s")
    rules = _rules(settings, rule, file, said)
    ensure(say)
    began_s, sources = time.monotonic(), Files(files, format)
    span = Span(every * 1000, until, silence * 1000, settings.day_closes_ms)
    trial = Trial(Book(tuple(rules)), model(settings.model), span, newest_ms())
    of = controls_of(controls, trial.report)
    with progress("trying", "events", sources.size) as bar:
        alerts = list(trial.alerts(sources.read(), of, lambda: sources.look(bar, trial.report.read)))
    _show(trial, alerts, json=json)
    sum_up(trial.table, trial.report, sources, trial.done.ends_ms, time.monotonic() - began_s, "--until")


def _rules(settings: Settings, names: tuple[str, ...], file: str | None, said: dict[str, Any]) -> list[Rule]:
    """The rules to be tried, as if they had always been in force. Raises UsageError, CloutError."""
    from msgspec.structs import replace

    from agents.cli.output import safe, say
    from agents.cli.rule_lines import body_of, checked, is_said, read

    given = any(is_said(value) for value in said.values())
    if bool(names) + (file is not None) + given != 1:
        raise UsageError("say one of: what a rule says (such as --falls 5), a --file, or --rule NAME of the topic")
    if given:
        rules = [checked(body_of(_NAME, **said))]
    elif file is not None:
        rules = read(file)
    else:
        from agents.cli.policy_topic import known
        from agents.cli.rule_known import named

        policies = known(settings)
        rules = [named(policies, name) for name in dict.fromkeys(names)]
    lines = [one.name for one in rules if one.when.percentile is not None or one.when.top is not None]
    if lines:
        say(safe(f"not tried, for their lines come from workers: {', '.join(lines)}"))
    return sorted((replace(one, since=0, enabled=True) for one in rules), key=lambda one: one.name)


def _show(trial: Trial, alerts: list[Alert], *, json: bool) -> None:
    from agents.cli.rule_summary import Summary

    summary = Summary(trial.done, alerts)
    if json:
        from agents.cli.output import json_line, write_lines

        write_lines(alert.value for alert in alerts)
        json_line({"summary": summary.body()})
        return
    import orjson

    from agents.cli.alert_lines import Line
    from agents.cli.output import console

    out = console()
    for alert in alerts:
        out.print(Line(orjson.loads(alert.value)))
    for part in summary.parts():
        out.print()
        out.print(part)
