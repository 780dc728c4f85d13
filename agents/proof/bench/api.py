"""`clout bench api`: what one process of the API answers, pushes and bears, over a scoreboard with very many users.

The load is in a process of its own. API, load and Redis share the machine, so beside the rate by the clock stands that by a
second of the API's CPU: what a core of its own would give.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from agents.api.wire import ASKING_S
from agents.proof.bench.apart import Result, apart
from agents.proof.bench.asking import Headers, ask
from agents.proof.bench.clout import WrongResult
from agents.proof.bench.filled_board import fill, user_of
from agents.proof.bench.machine import cpu_s, machine, peak_rss_mb, require_linux, versions
from agents.proof.bench.servers import Ready, process, scoreboard
from agents.proof.bench.show import Show
from streams.scoreboard.layout import Keys
from streams.settings import Settings

API = [sys.executable, "-m", "agents.cli.main", "api", "--port", "0"]
GOALS = {"user": 2_500, "leaderboard": 800}  #: answers a second of a core
PACED_PER_S, PACED_GOAL_MS = 1_250, 10.0  #: half of the goal, and the 99th percentile there
PUSHED_GOALS_MS = {500: 250.0}  #: by listeners, the 99th percentile at A_SECOND changes each
A_SECOND = 10
BESIDE_PER_S = 200  #: reads a second while the crowd is there, or the dashboards
DASHBOARDS, BESIDE_GOAL_MS = 200, 20.0  #: that are open, and the 99th percentile of reads beside them
ONE, ALL = "events=scores&users=USER", "events=board,scores,alerts&n=20"  #: what a listener asks for: one of its own; a dashboard
ASKED = 2_000  #: different users that are asked for
PAGES = 50
_WARM_UP_S = 1.0


@dataclass(frozen=True)
class _Served:
    """One process of the API."""

    settings: Settings
    ready: Ready
    port: int

    def load(
        self, name: str, paths: Sequence[str], seconds: float, rate: float = 0.0, headers: Sequence[Headers] = ()
    ) -> Result:
        """What `ask` tells, beside the CPU time that the API took."""
        cpu_before_s = cpu_s(self.ready.process.pid)
        told = ask(self.port, paths, seconds, rate=rate, headers=headers)
        cpu = cpu_s(self.ready.process.pid) - cpu_before_s
        self.ready.check()
        if told["failed"] or set(told["statuses"]) - {"200", "304"} or not told["answers"]:
            raise WrongResult(f"{name}: {told['failed']} requests failed, answers by status: {told['statuses']}")
        return {
            "name": name,
            **told,
            "cpu_us": round(1e6 * cpu / told["answers"]),
            "per_cpu_s": round(told["answers"] / cpu),
            "goal_per_cpu_s": GOALS.get(name),
        }


def api(
    users: int, seconds: float, listeners: Sequence[int], connections: int, show: Show, redis: str | None = None
) -> Result:
    """Measure reads for `seconds` each, the stream with each number of listeners, and reads beside so many open connections.

    Raises WrongResult when an answer is not what it should be.
    """
    require_linux()
    about = {"machine": machine(), "versions": versions("fastapi", "httptools", "uvicorn", "uvloop")}
    with scoreboard(redis, api_limit=0, api_open="true") as settings:
        with show.bar("filling the scoreboard", users) as bar:
            fill(settings, users, bar)
        result: Result = {"users": users, "seconds": seconds, "stream": []}
        with _api(settings) as ready:
            served = _Served(settings, ready, _port(ready))
            show.say("reads")
            result["reads"] = _reads(served, users, seconds)
            result["rss_mb"] = round(peak_rss_mb(ready.process.pid))
            for count in listeners:
                show.say(f"{count:,} listeners of the stream")
                result["stream"].append(_stream(served, min(count, users), seconds))
            show.say(f"{DASHBOARDS:,} dashboards")
            result["dashboards"] = _dashboards(served, users, seconds)
            if connections:
                show.say(f"{connections:,} connections that ask for nothing")
                result["crowd"] = _crowd(served, users, connections, seconds)
    return {**result, **about}


def _api(settings: Settings) -> Any:
    return process(API, settings, b"http://")


def _port(ready: Ready) -> int:
    return int(re.findall(rb"http://[^\s:]+:(\d+)", ready.log.read_bytes())[0])


def _reads(served: _Served, users: int, seconds: float) -> list[Result]:
    draw = random.Random(2)
    some = [user_of(draw.randrange(users)) for _ in range(ASKED)]
    paths = [f"/v1/users/{user}" for user in some]
    searches = [f"/v1/search?q={user.rpartition(':')[2][:-1]}" for user in some]
    ask(served.port, paths, _WARM_UP_S)
    return [
        served.load("livez", ["/livez"], seconds),
        served.load("user", paths, seconds),
        served.load(f"user, {PACED_PER_S:,} a second", paths, seconds, PACED_PER_S) | {"goal_p99_ms": PACED_GOAL_MS},
        served.load("user, not modified", paths, seconds, headers=_tags(served.port, paths)),
        served.load("some users, 20 at once", [_some(some, n) for n in range(len(some) // 20)], seconds),
        served.load("leaderboard", ["/v1/leaderboard?limit=100"], seconds),
        served.load("leaderboard, any page", _pages(served.port), seconds),
        served.load("search", searches, seconds),
    ]


def _some(users: Sequence[str], number: int) -> str:
    return f"/v1/users?ids={','.join(dict.fromkeys(users[20 * number : 20 * number + 20]))}"


def _tags(port: int, paths: Sequence[str]) -> list[Headers]:
    """Their ETags, to ask again with."""
    with contextlib.closing(HTTPConnection("127.0.0.1", port)) as connection:
        tags = []
        for path in paths:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            tags.append({"if-none-match": str(answer.headers["etag"])})
        return tags


def _pages(port: int) -> list[str]:
    """The first pages of the leaderboard, each by its cursor."""
    path, pages = "/v1/leaderboard?limit=100", list[str]()
    with contextlib.closing(HTTPConnection("127.0.0.1", port)) as connection:
        while len(pages) < PAGES:
            pages.append(path)
            connection.request("GET", path)
            behind = json.loads(connection.getresponse().read())["next"]
            if behind is None:
                break
            path = f"/v1/leaderboard?limit=100&cursor={behind}"
    return pages


def _plan(served: _Served, listeners: int, seconds: float, asks: str) -> Result:
    settings = served.settings
    return {
        "port": served.port,
        "pid": served.ready.process.pid,
        "redis": settings.redis,
        "key": Keys(settings.redis_prefix, 0).updates,
        "listeners": listeners,
        "asks": asks,
        "a_second": A_SECOND,
        "seconds": seconds,
    }


def _stream(served: _Served, listeners: int, seconds: float) -> Result:
    with apart("listening", _plan(served, listeners, seconds, ONE)) as load:
        load.ready()
        told = load.result()
    served.ready.check()
    if told["lost"] or not told["told"]:
        raise WrongResult(f"{listeners} listeners: {told['lost']} were cut off, {told['told']} changes were told")
    return {**told, "goal_p99_ms": PUSHED_GOALS_MS.get(listeners)}


def _dashboards(served: _Served, users: int, seconds: float) -> Result:
    """Each hears of everybody, and gets whole boards."""
    paths = [f"/v1/users/{user_of(number)}" for number in range(min(users, ASKED))]
    count = min(DASHBOARDS, users)
    with apart("listening", _plan(served, count, seconds, ALL)) as load:
        load.ready()
        reads = served.load("user, beside them", paths, seconds, BESIDE_PER_S) | {"goal_p99_ms": BESIDE_GOAL_MS}
        told = load.result()
    if told["lost"] or not told["told"]:
        raise WrongResult(f"{count} dashboards: {told['lost']} were cut off, {told['told']} changes were told")
    return {**told, "reads": reads}


def _crowd(served: _Served, users: int, connections: int, seconds: float) -> Result:
    paths = [f"/v1/users/{user_of(number)}" for number in range(min(users, ASKED))]
    plan = {"port": served.port, "connections": connections, "gone_s": 2 * ASKING_S}
    with apart("crowd", plan) as crowd:
        there = crowd.ready()["there"]
        reads = served.load("user, beside them", paths, seconds, BESIDE_PER_S)
        told = crowd.result()
    if told["left"]:
        raise WrongResult(f"{told['left']} of {there} connections that ask for nothing were not ended")
    return {"connections": there, **told, "reads": reads, "rss_mb": round(peak_rss_mb(served.ready.process.pid))}
