"""The page of `clout calibrate`: how scores are spread, and by week the average and where the top 5 % begin. No scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

import numpy as np

from agents.cli.distributions import Distribution, Range, Weekly, likes
from streams.calibration.fit import TOP_SHARE

_WIDE, _HIGH, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 260, 44, 28, 14, 12
_STEP = 2  # points a bar
_WITHIN = 3.0  # points from a goal that are shaded

_STYLE = """
:root {
  color-scheme: light dark;
  --ink: #1c2733; --soft: #67747f; --line: #d6dde3; --paper: #fff; --bar: #7fa8d1; --avg: #1f6fb2; --top: #c2571a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e4eaf0; --soft: #96a3af; --line: #34404b; --paper: #12181e; --bar: #3d638a; --avg: #6db3ee; --top: #f0935a;
  }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 760px; margin: 2em auto; padding: 0 1em }
body { color: var(--ink); background: var(--paper) }
h1 { font-size: 1.5em } h2 { font-size: 1.2em; margin-top: 2em } p, figcaption { color: var(--soft) } b { color: var(--ink) }
figure { margin: 1em 0 } svg { width: 100%; height: auto; display: block } svg text { font-size: 12px; fill: var(--soft) }
table { border-collapse: collapse } td, th { padding: .15em .9em .15em 0; text-align: left; font-variant-numeric: tabular-nums }
.axis { stroke: var(--line) } .bar { fill: var(--bar) } .avg { stroke: var(--avg) } .top { stroke: var(--top) }
.avg-band { fill: var(--avg); opacity: .12 } .top-band { fill: var(--top); opacity: .12 } .night { stroke-dasharray: 4 4 }
svg .avg, svg .top { stroke-width: 2 }
"""


def written(found: Sequence[Distribution]) -> str:
    """The page about these feeds."""
    model = found[0].model
    sections = "\n".join(map(_section, found))
    given = ", ".join(
        f"{n} fresh like{'s of strangers' if n > 1 else ' of a stranger'} {score:.1f}"
        for n, score in likes(model).items()
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Scores of {escape(model.name)}</title><style>{_STYLE}</style></head><body>
<h1>How scores of {escape(model.name)} are spread</h1>
<p>score = 100 · m<sup>k</sup> / (m<sup>k</sup> + m<sub>0</sub><sup>k</sup>) with k = <b>{model.steepness:g}</b> and
m<sub>0</sub> = <b>{model.half_mass:g}</b>. {escape(given)}. Who counts: everyone engaged with in the last 90 days.</p>
{sections}
</body></html>
"""


def _section(one: Distribution) -> str:
    people, model = one.people, one.model
    average, top = people.average(model), people.top(model)
    figures = [
        f"<figure>{_histogram(one, average, top)}<figcaption>Share of people by score; the lines are the "
        f"average, {average:.1f}, and where the top {TOP_SHARE:.0%} begin, {top:.1f}.</figcaption></figure>"
    ]
    if one.weeks:
        figures.append(
            f"<figure>{_weeks(one)}<figcaption>By week: the average (below) and where the top 5 % begin (above), "
            f"each from its lowest to its highest in the week, after the busiest hour of each day (solid) and the quietest "
            f"(dashed). Shaded: {_WITHIN:g} points around the goals.</figcaption></figure>"
        )
        figures.append(_table(one.weeks))
    return (
        f"<h2>{escape(one.name)}</h2>\n<p>{escape(one.note)}. A curve of its own would have k = {one.fitted.steepness:.3f} and "
        f"m<sub>0</sub> = {one.fitted.half_mass:.2f}.</p>\n" + "\n".join(figures)
    )


def _histogram(one: Distribution, average: float, top: float) -> str:
    scores = one.people.scores(one.model)
    counts = np.histogram(scores, np.arange(0, 101, _STEP), weights=one.people.counts)[0] / one.people.size
    across, highest = _scale(0, 100, _LEFT, _WIDE - _RIGHT), float(counts.max())
    up = _scale(0, highest, _HIGH - _BOTTOM, _TOP)
    bars = "".join(
        f'<rect class="bar" x="{across(_STEP * i) + 0.5:.1f}" y="{up(share):.1f}" width="{across(_STEP) - across(0) - 1:.1f}" '
        f'height="{_HIGH - _BOTTOM - up(share):.1f}"/>'
        for i, share in enumerate(counts.tolist())
        if share
    )
    lines = "".join(
        f'<line class="{name}" x1="{across(x):.1f}" x2="{across(x):.1f}" y1="{_TOP}" y2="{_HIGH - _BOTTOM}"/>'
        for name, x in (("avg", average), ("top", top))
    )
    marks = [(y, f"{y:.0%}") for y in np.arange(0, highest, 0.05 if highest > 0.12 else 0.02).tolist()]
    return _svg("How many people have which score", _axes(across, up, range(0, 101, 10), marks) + bars + lines)


def _weeks(one: Distribution) -> str:
    numbers = sorted({week.week for week in one.weeks})
    reached = [x for week in one.weeks for x in (*week.average, *week.top)]
    low, high = min(*reached, one.goal.average - 5) // 5 * 5, max(*reached, one.goal.top + 5) // 5 * 5 + 5
    across = _scale(numbers[0] - 0.5, numbers[-1] + 0.5, _LEFT, _WIDE - _RIGHT)
    up = _scale(low, high, _HIGH - _BOTTOM, _TOP)
    bands = "".join(
        f'<rect class="{name}-band" x="{_LEFT}" width="{_WIDE - _LEFT - _RIGHT}" y="{up(goal + _WITHIN):.1f}" '
        f'height="{up(goal - _WITHIN) - up(goal + _WITHIN):.1f}"/>'
        for name, goal in (("avg", one.goal.average), ("top", one.goal.top))
    )
    bars = "".join(
        _bar(across(week.week + (0.12 if week.night else -0.12)), up, reach, name, night=week.night)
        for week in one.weeks
        for name, reach in (("avg", week.average), ("top", week.top))
    )
    marks = [(y, f"{y:g}") for y in np.arange(low, high + 1, 5).tolist()]
    return _svg("Average and top 5 % by week", _axes(across, up, numbers, marks) + bands + bars)


def _bar(x: float, up: Callable[[float], float], reach: Range, name: str, *, night: bool) -> str:
    ends = f'y1="{up(reach.low) + 1:.1f}" y2="{up(reach.high) - 1:.1f}"'
    return f'<line class="{name}{" night" if night else ""}" x1="{x:.1f}" x2="{x:.1f}" {ends}/>'


def _table(weeks: Iterable[Weekly]) -> str:
    cells = ((week.week, "night" if week.night else "busiest hour", week.average, week.top) for week in weeks)
    rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in cells)
    head = "<tr><th>week</th><th>when</th><th>average</th><th>top 5 % from</th></tr>"
    return f"<details><summary>The figures</summary><table>{head}{rows}</table></details>"


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """From values between `low` and `high` to places between `start` and `end`."""
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _axes(
    across: Callable[[float], float],
    up: Callable[[float], float],
    below: Iterable[int],
    beside: Sequence[tuple[float, str]],
) -> str:
    lines = "".join(
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{up(y):.1f}" y2="{up(y):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{up(y) + 4:.1f}" text-anchor="end">{text}</text>'
        for y, text in beside
    )
    return lines + "".join(
        f'<text x="{across(x):.1f}" y="{_HIGH - _BOTTOM + 18}" text-anchor="middle">{x}</text>' for x in below
    )


def _svg(title: str, content: str) -> str:
    return f'<svg viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{title}">{content}</svg>'
