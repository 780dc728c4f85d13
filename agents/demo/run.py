"""One command `clout demo`: the servers, the worker and the page, and story after story on them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from rich.console import Console

from agents.demo.compiling import compiled
from agents.demo.stack import INTERRUPTED, interruptible, stack
from agents.demo.story import Plan, events


def run(plan: Plan) -> int:
    """Run a demo in the foreground; returns the exit code. Talks on stderr; data, or the live view, on stdout."""
    began_s = time.monotonic()
    errors = Console(stderr=True, highlight=False)

    def say(text: str) -> None:
        errors.print(f"[dim]{time.monotonic() - began_s:5.1f} s[/]  ", end="")
        errors.print(text, markup=False, soft_wrap=True)

    try:
        with interruptible():
            compiled(say)  # on a new machine it takes longer than the story waits for its close
            code, port = None, plan.port
            while code is None:
                code, port = _once(plan.begun(port), say, errors)
            return code
    except KeyboardInterrupt:
        return INTERRUPTED


def _once(plan: Plan, say: Callable[[str], None], errors: Console) -> tuple[int | None, int]:
    """One story from the first event to the last, on servers of its own; the exit code or None, and the port of the page."""
    told: list[str] = []  # what the story says, for the view
    with contextlib.ExitStack() as parts:
        records = parts.enter_context(events(plan, told.append))
        clock = "wall" if plan.of_now else "stream"
        closes_ms = None if plan.source else plan.closes_ms
        running = parts.enter_context(stack(clock, say, closes_ms=closes_ms))
        # these take a second to import: the worker starts meanwhile
        from agents.api.serve import serving
        from agents.demo.course import Course

        port = parts.enter_context(serving(running.settings, plan.port, note=plan.note))
        url = f"http://127.0.0.1:{port}/"
        say(f"page: {url}")
        return asyncio.run(Course(plan, running, records, url, say, errors, told).run()), port
