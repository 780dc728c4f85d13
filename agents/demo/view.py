"""The live view: a leaderboard that refreshes itself in a terminal, plain lines everywhere else."""

from __future__ import annotations

from typing import Any, Protocol

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agents.terminal import GAP, fit, safe, shortened
from streams.model import alert_reading as said

Record = dict[str, Any]

_MOST_ROWS = 20
_AROUND = 13  # lines that are not users
_ALERTS = 3  # the latest that a terminal shows
_BAR = 24
_LEAST = 16  # cells of a user's name, before other columns go
_USER = 1  # which column of the board
_DROPPED = (3, 6, 5, 4)  # which of them go first on a narrow screen: bars, marks, people, change
_ORANGE = "#e8590c"
_LOUD = {"critical": "bold red", "warning": "red", "info": "yellow"}
_OVER = {said.RECOVERED: "green", said.SETTLED: "dim"}
_STEP = 0.05  # what is displayed as a change


class View(Protocol):
    """Shows boards (the `board` event of `agents.api.leaders`)."""

    every_s: float  #: pause between two boards

    def show(self, board: Record, fed: int, story: str = "", pager: str = "") -> None:
        """Show this one now, the last thing that happened in the story, and the last webhook that came."""

    def close(self) -> None:
        """The last one stays."""


class TerminalView:
    """Refreshes in place."""

    every_s = 0.5

    def __init__(self, console: Console, url: str) -> None:
        self._console, self._url = console, url
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    @property
    def rows(self) -> int:
        """How many users fit."""
        return max(3, min(_MOST_ROWS, self._console.height - _AROUND))

    def show(self, board: Record, fed: int, story: str = "", pager: str = "") -> None:
        """See View."""
        self._live.update(screen(board, fed, self._url, self.rows, self._console.width, story, pager), refresh=True)

    def close(self) -> None:
        """See View."""
        self._live.stop()


class LineView:
    """A status line now and then."""

    every_s = 2.0

    def __init__(self, console: Console) -> None:
        self._console = console
        self._story = self._pager = ""
        self._told: set[str] | None = None  # alerts that were shown

    def show(self, board: Record, fed: int, story: str = "", pager: str = "") -> None:
        """See View."""
        self._console.print(Text(line(board, fed)), soft_wrap=True)
        if story != self._story:
            self._console.print(Text(story), soft_wrap=True)
        alerts = board["alerts"]
        for alert in reversed(alerts):
            if alert["id"] not in (self._told or ()):
                self._console.print(alert_line(alert), soft_wrap=True)
        if self._told is None and not alerts:
            self._console.print(alert_line(None), soft_wrap=True)
        if pager != self._pager:
            self._console.print(Text(safe(pager)), soft_wrap=True)
        self._pager = pager
        self._story, self._told = story, {alert["id"] for alert in alerts}

    def close(self) -> None:
        """See View."""


def line(board: Record, fed: int) -> str:
    """One board as a line."""
    stats, top = board["stats"], board["top"]
    words = [
        f"fed {fed:,}",
        f"folded {stats['folded']:,}",
        f"{stats['events_per_s']:,.0f} events/s",
        f"{stats['population']:,} users",
    ]
    if stats["latency_p50_ms"] is not None:
        words.append(f"p50 {stats['latency_p50_ms']:.0f} ms")
        words.append(f"p99 {stats['latency_p99_ms']:.0f} ms")
    if top:
        words.append(f"top {safe(top[0]['user'])} {top[0]['score']:.1f}")
    return "  ".join(words)


def screen(
    board: Record, fed: int, url: str, rows: int, width: int, story: str = "", pager: str = ""
) -> RenderableType:
    """One board as the terminal shows it."""
    stats = board["stats"]
    head = Text.assemble(
        ("▂▅█ Clout", f"bold {_ORANGE}"), "   ", (f"{stats['events_per_s']:,.0f}", "bold"), " events/s"
    )
    head.append(f"   {fed:,} fed   {stats['population']:,} users", "dim")
    if stats["latency_p50_ms"] is not None:
        p50, p99 = stats["latency_p50_ms"], stats["latency_p99_ms"]
        head.append("   event to score ", "dim").append(f"{p50:.0f} ms", "bold").append(f"  p99 {p99:.0f} ms", "dim")
    foot = Text.assemble(("page ", "dim"), (url, f"underline {_ORANGE}"), ("   Ctrl-C ends everything", "dim"))
    parts: list[RenderableType] = [
        head,
        Text(""),
        _table(board["top"][:rows], width),
        Text(""),
        *([Text(story, "yellow")] if story else []),
        *(alert_line(alert) for alert in board["alerts"][:_ALERTS] or (None,)),
        *([Text(safe(pager), "cyan", no_wrap=True, overflow="ellipsis")] if pager else []),
        foot,
    ]
    return Group(*parts)


def alert_line(alert: Record | None) -> Text:
    """An alert in words: who, how far, and why."""
    if alert is None:
        return Text("no alerts so far", "dim")
    state = alert["state"]
    style = _OVER.get(state) or _LOUD.get(said.severity(alert), "red")
    if said.feed_of(alert) is not None:
        head = "alert: " if state == said.RAISED else f"{safe(state)}: "
        return Text.assemble((head, style), safe(said.sentence(alert)), no_wrap=True, overflow="ellipsis")
    points = said.change(alert)
    moved = f"{'▼' if points < 0 else '▲'} {abs(points):.1f} to {alert['score']:.1f}"
    head = f"{'alert' if state == said.RAISED else safe(state)}: {safe(alert['user'])}  {moved}  "
    return Text.assemble((head, style), safe(said.sentence(alert)), no_wrap=True, overflow="ellipsis")


def _table(top: list[Record], width: int) -> Table:
    heads = ("", "user", "score", "", "1 min", "people", "")
    rows = [
        (
            Text(str(entry["rank"]), "dim"),
            Text(safe(entry["user"])),
            Text(f"{entry['score']:.1f}", "bold"),
            _bar(entry["score"]),
            _change(entry["change"]),
            Text(f"{entry['actors']:,}", "dim"),
            Text("provisional" if entry["provisional"] else "", "yellow dim"),
        )
        for entry in top
    ]
    natural = [max(cell_len(head), *(cell_len(row[n].plain) for row in rows), 0) for n, head in enumerate(heads)]
    widths = fit(natural, width, flexible={_USER}, drop=_DROPPED, least=_LEAST)
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim", pad_edge=False)
    for number, cells in widths.items():
        left = number in (_USER, 3, 6)
        table.add_column(heads[number], width=cells, justify="left" if left else "right", no_wrap=True)
    for row in rows:
        user = Text(shortened(row[_USER].plain, widths[_USER]))
        user.stylize("dim", 0, user.plain.find(":") + 1)
        table.add_row(*(user if number == _USER else row[number] for number in widths))
    return table


def _bar(score: float) -> Text:
    full = round(score / 100 * _BAR)
    return Text.assemble(("━" * full, _ORANGE), ("━" * (_BAR - full), "grey30"))


def _change(change: float | None) -> Text:
    if change is None:
        return Text("new", "cyan")
    if abs(change) < _STEP:
        return Text("·", "dim")
    return Text(f"{'▲' if change > 0 else '▼'} {abs(change):.1f}", "green" if change > 0 else "red")
