"""An alert for people: a line, and where the terminal is too narrow for it its sentence below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from agents.cli.blocks import change
from agents.cli.output import moment, safe
from agents.terminal import GAP, shortened
from streams.model import alert_reading as said

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

    from agents.cli.explain_sections import Sheet
    from streams.model.explained import Explanation

_NAME = 24  #: cells of a user
_INDENT = 4
_SECTION = 3  #: alerts on the page of a user
_LOUD = {"critical": "bold red", "warning": "red", "info": "yellow"}
_OVER = {said.RECOVERED: "green", said.SETTLED: "dim"}


class Line:
    """One alert: when, state, how loud, who, the score, how far it has moved, why, and by which rule."""

    def __init__(self, alert: Mapping[str, Any], *, whose: bool = True, wraps: bool = False) -> None:
        self._alert, self._whose, self._wraps = alert, whose, wraps

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """A pipe gets one line with everything in full, whatever its length, unless it `wraps`."""
        from rich.text import Text

        screen, room = console.is_terminal or self._wraps, options.max_width
        head, why = self._head(room, screen=screen, plain=options.ascii_only), self._why()
        if not screen or head.cell_len + GAP + why.cell_len <= room:
            yield Text.assemble(head, " " * GAP, why, no_wrap=True, overflow="ignore")
            return
        head.truncate(room)
        yield head
        for row in why.wrap(console, max(room - _INDENT, 1)):
            yield Text.assemble(" " * _INDENT, row)

    def _head(self, room: int, *, screen: bool, plain: bool) -> Text:
        from rich.cells import cell_len
        from rich.text import Text

        alert, feed = self._alert, said.feed_of(self._alert)
        state, colour = safe(str(alert["state"])), self._colour()
        line = Text.assemble((moment(alert["at"]), "dim"), " " * GAP, (f"{state:9}", colour), " " * GAP)
        line.append(f"{safe(said.severity(alert)):8}", colour).append(" " * GAP)
        if self._whose:
            user = safe(str(alert["user"]) if feed is None else feed)
            user = shortened(user, _NAME) if screen and room < 2 * cell_len(user) + 60 else user
            line.append(user + " " * (_NAME - cell_len(user)), "bold").append(" " * GAP)
        if feed is not None:
            return line.append(" " * (6 + GAP + 7))
        points = said.change(alert)
        moved = change(points, plain=plain)
        line.append(f"{alert['score']:6.2f}").append(" " * GAP)
        return line.append(f"{moved:>7}", "red" if points < 0 else "green")

    def _why(self) -> Text:
        from rich.text import Text

        if said.feed_of(self._alert) is not None:
            return Text.assemble(safe(said.sentence(self._alert)), (" (feed)", "dim"))
        cause = self._alert.get("cause")
        return Text.assemble(
            safe(said.sentence(self._alert)),
            (f" ({safe(f'{cause}, ' if cause else '')}rule {safe(str(self._alert.get('rule', '')))})", "dim"),
        )

    def _colour(self) -> str:
        state = self._alert["state"]
        return _OVER.get(state) or _LOUD.get(said.severity(self._alert), "red")


def alerts(found: Explanation, sheet: Sheet) -> Iterator[Line]:  # noqa: ARG001 - as all sections are called
    """The section of the page of `--explain`: the latest, the newest first."""
    for alert in (found.alerts or [])[:_SECTION]:
        yield Line(msgspec.to_builtins(alert), whose=False, wraps=True)
