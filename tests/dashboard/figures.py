"""How quick the dashboard is, measured in a real Chromium over a real Redis: `python -m tests.dashboard.figures`.

Prints JSON, times in ms. `first_paint` and `rows_shown` are from the navigation of a fresh profile on. `move` is from the answer of
Redis to a worker's write to the row in its new place in the page, both by the clock of this machine: `alone` one write at a
time, `busy` in the middle of ten writes a second. `rows_200`, to fill and re-order 200 rows in any order: `whole` is all of it,
`script` the part of it in scripts as the profiler samples it, `layout` the part in laying out anew; both are means.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Sequence
from typing import Any

from agents.api.serve import serving
from agents.local.embedded import serve_redis
from streams.settings import Settings
from tests.api.conftest import PARTITIONS, Scene
from tests.dashboard.browser import Driver, driven, until

OPENED, MOVED, BUSY, ORDERED = 10, 40, 40, 60
USERS = [f"x:user{number}" for number in range(40)]
SETTLED_S = 0.6  # between two writes that are alone
WATCH = """window.seen = 0; new MutationObserver(() => {
    const first = document.querySelector('.leaders tbody .who');
    if (first && first.title === window.wanted && !window.seen) window.seen = Date.now();
}).observe(document.querySelector('main'), {subtree: true, childList: true, characterData: true})"""
ORDER = """async (times) => {
    const {rows, table} = await import('./static/parts/rows.js');
    const list = rows(), users = Array.from({length: 200}, (_, n) => `x:user${n}`), took = [];
    document.querySelector('main').replaceChildren(table(list.body, 'measured'));
    for (let time = 0; time < times; time++) {
        const entries = users.map((user) => ({user, score: 1 + Math.random() * 98, change: 1, day: 1, actors: 9, confidence: 0.5}));
        entries.sort((a, b) => b.score - a.score);
        const began = performance.now();
        list.show(entries, Date.now());
        took.push(performance.now() - began);
        await new Promise((wake) => setTimeout(wake, 120));
    }
    return took.slice(1);
}"""


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 99th of a hundred and the most."""
    found = sorted(values)
    at = {"p50": len(found) // 2, "p99": min(len(found) - 1, round(len(found) * 0.99)), "max": len(found) - 1}
    return {name: round(found[number], 1) for name, number in at.items()}


async def opened(driver: Driver, home: str) -> dict[str, Any]:
    """First paint and first rows, each time in a fresh profile."""
    paints, rows = [], []
    for _ in range(OPENED):
        async with driver.tab(home) as (page, _):
            await page.goto(home)
            shown = "document.querySelectorAll('.leaders tbody tr').length && performance.now()"
            rows.append(float(await until(page, shown)))
            paints.append(float(await page.evaluate("performance.getEntriesByType('paint')[0].startTime")))
    return {"first_paint": spread(paints), "rows_shown": spread(rows)}


async def moved(driver: Driver, home: str, scene: Scene) -> dict[str, Any]:
    """From the write to the place in the page."""
    found: dict[str, Any] = {}
    score = 55.0  # higher each time: whoever gets it leads
    async with driver.tab(home) as (page, _):
        await page.goto(home)
        await until(page, f"document.querySelectorAll('.leaders tbody tr').length === {len(USERS)}")
        await page.evaluate(WATCH)
        for name, times, gap_s in (("alone", MOVED, SETTLED_S), ("busy", BUSY, 0.1)):
            took = []
            for number in range(times):
                user = USERS[number % len(USERS)]
                await page.evaluate(f"window.seen = 0; window.wanted = '{user}'")
                await asyncio.sleep(gap_s)
                await asyncio.to_thread(scene.write, {user: (score := score + 0.4)}, counts=1)
                wrote_ms = time.time() * 1000
                took.append(float(await until(page, "window.seen")) - wrote_ms)
            found[name] = spread(took)
    return {"move": found}


async def ordered(driver: Driver, home: str) -> dict[str, Any]:
    """What 200 rows cost."""
    async with driver.tab(home) as (page, _):
        await page.goto(f"{home}#/compare")
        await page.locator(".panel").wait_for()
        profiler = await page.context.new_cdp_session(page)
        for command in ("Profiler.enable", "Profiler.start"):
            await profiler.send(command)
        whole = spread(await page.evaluate(ORDER, ORDERED))
        by_name = sampled((await profiler.send("Profiler.stop"))["profile"])
        layout = by_name.pop("getBoundingClientRect", 0.0)
        script = sum(ms for name, ms in by_name.items() if name not in ("(program)", "(idle)"))
        return {
            "rows_200": {"whole": whole, "script": round(script / ORDERED, 1), "layout": round(layout / ORDERED, 1)}
        }


def sampled(profile: dict[str, Any]) -> dict[str, float]:
    """Ms by the name of the function that ran."""
    names = {node["id"]: node["callFrame"]["functionName"] for node in profile["nodes"]}
    found: dict[str, float] = {}
    for node, took_us in zip(profile["samples"], profile["timeDeltas"], strict=True):
        found[names[node]] = found.get(names[node], 0.0) + took_us / 1000
    return found


def main() -> None:
    """All of it, as JSON."""
    server = shutil.which("redis-server") or sys.exit("redis-server is missing (Debian: apt-get install redis-server)")
    with serve_redis(server) as url, driven() as driver:
        prefix = f"t{uuid.uuid4().hex[:10]}-"
        scene = Scene(Settings(redis=url, redis_prefix=prefix, partitions=PARTITIONS, api_limit=0))
        scene.write({user: 50.0 - number for number, user in enumerate(USERS)}, counts=10)
        with serving(scene.settings) as port:
            home = f"http://127.0.0.1:{port}/"
            found = {"load": round(os.getloadavg()[0], 1)}
            for part in (opened(driver, home), moved(driver, home, scene), ordered(driver, home)):
                found |= driver.play(part, within_s=300)
    sys.stdout.write(f"{json.dumps(found, indent=2)}\n")


if __name__ == "__main__":
    main()
