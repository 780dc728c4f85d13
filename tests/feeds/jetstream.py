"""A Jetstream on loopback that replays messages in both versions, and breaks in every way that a test asks for."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from streams.sources.bluesky import V2_PATH

Message = dict[str, Any]
T0_US = 1_783_123_200_000_000
POST = "app.bsky.feed.post"
_BY_TIME = 10**15


def messages(
    count: int, seed: int = 1, *, users: int = 12, begins_us: int = T0_US, each_us: int = 50_000
) -> list[Message]:
    """So many as version 1 has them: what engages, what takes it back, and noise. Sequences are given by the server."""
    dice, made, known = Random(seed), [], []
    for n in range(count):
        did, other = (f"did:plc:u{dice.randrange(users)}" for _ in range(2))
        head = {"did": did, "time_us": begins_us + n * each_us}
        kind = dice.randrange(20)
        if kind == 0:
            made.append({**head, "kind": "identity", "identity": {"did": did, "handle": f"{did[8:]}.example"}})
            continue
        if kind == 1:
            made.append({**head, "kind": "account", "account": {"did": did, "active": True}})
            continue
        subject = {"uri": f"at://{other}/{POST}/p{dice.randrange(50)}", "cid": "x"}
        if kind in (2, 3) and known:
            whose, collection, rkey = known.pop(dice.randrange(len(known)))
            commit = {"operation": "delete", "collection": collection, "rkey": rkey}
            head["did"] = whose
        elif kind in (4, 5):
            facet = {"features": [{"$type": "app.bsky.richtext.facet#mention", "did": other}]}
            record = {"reply": {"parent": subject}} if kind == 4 else {"facets": [facet]}
            commit = {"operation": "create", "collection": POST, "rkey": f"r{n}", "record": record}
        else:
            name = ("feed.like", "feed.repost", "graph.follow")[kind % 3]
            record = {"subject": other if kind % 3 == 2 else subject}
            commit = {"operation": "create", "collection": f"app.bsky.{name}", "rkey": f"r{n}", "record": record}
            known.append((did, commit["collection"], commit["rkey"]))
        made.append({**head, "kind": "commit", "commit": {"rev": f"v{n}", **commit}})
    return made


def v1(message: Message, seq: int | None) -> bytes:
    """A frame of version 1; newer servers put the sequence into it."""
    return orjson.dumps(message if seq is None else message | {"cursor": seq})


def v2(message: Message, seq: int) -> bytes:
    """A frame of version 2."""
    moment = datetime.datetime.fromtimestamp(message["time_us"] / 1e6, datetime.UTC)
    kind = message["kind"]
    payload = {
        "$type": f"network.bsky.jetstream.subscribeEvents#{kind}",
        "seq": seq,
        "did": message["did"],
        "time": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        **(message["commit"] if kind == "commit" else {kind: message[kind]}),
    }
    return orjson.dumps({"$type": "message", "payload": payload})


@dataclass
class Faults:
    """What happens once, by the place of a message, counted from 0; and what happens at all times."""

    cut: set[int] = field(default_factory=set)  #: the connection is closed
    stall: set[int] = field(default_factory=set)  #: nothing comes any more
    torn: set[int] = field(default_factory=set)  #: half of the frame comes
    latin: set[int] = field(default_factory=set)  #: a frame that is no UTF-8 comes first, each time
    repeat: set[int] = field(default_factory=set)  #: the last three come again, each time
    refuse: list[tuple[int, dict[str, str], str]] = field(
        default_factory=list
    )  #: status, headers and text, one after the other
    error: set[int] = field(default_factory=set)  #: a frame that says that we are too slow, then the end
    every: int = 0  #: the connection is closed after so many, always
    slow_s: float = 0.0  #: so long it takes to begin
    pace_s: float = 0.0  #: and so long each frame
    skew_us: int = 0  #: the instance's clock is so far ahead


@dataclass
class Instance:
    """One server's view of the messages. `first` is the sequence of the first, `oldest` the first that is still to be had."""

    messages: Sequence[Message]
    faults: Faults = field(default_factory=Faults)
    first: int = 1_000
    oldest: int = 0
    sequences: bool = True  #: are they in frames of version 1?
    large: int = 0
    ends: bool = False  #: when all is said the connection is closed
    sent: int = 0
    connections: int = 0
    asked: list[str] = field(default_factory=list)  #: the queries of all connections

    def time_us(self, n: int) -> int:
        """When a message happened, by this server's clock."""
        return int(self.messages[n]["time_us"]) + self.faults.skew_us

    def begin(self, text: str | None) -> int | None:
        """The place of the first that is sent for a cursor; None: it is below what version 2 has."""
        if text is None:
            return 0
        cursor = int(text)
        if cursor < _BY_TIME:
            place = cursor - self.first
            if place > len(self.messages):
                return len(self.messages) - 1  # from a future that is not there: what comes from now on
            return None if place < self.oldest else place
        places = (n for n in range(self.oldest, len(self.messages)) if self.time_us(n) >= cursor)
        return next(places, len(self.messages))

    def frame(self, n: int, version: int) -> bytes:
        """A message as it is sent."""
        message = self.messages[n] | {"time_us": self.time_us(n)}
        frame = v2(message, self.first + n) if version == 2 else v1(message, self.first + n if self.sequences else None)
        return frame + b" " * self.large

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection."""
        faults, version = self.faults, 1 if request.path == "/subscribe" else 2
        self.asked.append(request.query_string)
        if faults.refuse:
            status, headers, text = faults.refuse.pop(0)
            return web.Response(status=status, headers=headers, text=text)
        n = self.begin(request.query.get("cursor"))
        if n is None and version == 2:
            body = {"error": "CursorTooOld", "message": f"the floor is {self.first + self.oldest}"}
            return web.json_response(body, status=400)
        socket = web.WebSocketResponse(protocols=("xrpc.v1.json",), compress=False)
        await socket.prepare(request)
        await asyncio.sleep(faults.slow_s)
        self.connections += 1
        try:
            await self._say(socket, self.oldest if n is None else n, version)
        except ConnectionError:
            pass
        finally:
            self.connections -= 1
        await socket.close()
        return socket

    async def _say(self, socket: web.WebSocketResponse, n: int, version: int) -> None:
        faults, began = self.faults, n
        while True:
            if n >= len(self.messages):
                if self.ends:
                    return
                message = await socket.receive()
                if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                    return
                continue
            if n in faults.cut or (faults.every and n - began >= faults.every):
                faults.cut.discard(n)
                return
            if n in faults.stall:
                faults.stall.remove(n)
                await socket.receive()
                return
            if n in faults.error:
                faults.error.remove(n)
                await socket.send_str('{"$type":"error","error":"ConsumerTooSlow","message":"too slow"}')
                return
            frame = self.frame(n, version)
            if n in faults.latin:
                await socket.send_frame(b'{"kind":"\xe9\xff"}', WSMsgType.TEXT)
            if n in faults.torn:
                faults.torn.remove(n)
                await socket.send_frame(frame[: len(frame) // 2], WSMsgType.TEXT)
            for again in range(max(n - 3, began), n) if n in faults.repeat else ():
                await socket.send_frame(self.frame(again, version), WSMsgType.TEXT)
            await socket.send_frame(frame, WSMsgType.TEXT)
            self.sent += 1
            n += 1
            if faults.pace_s:
                await asyncio.sleep(faults.pace_s)


@contextlib.asynccontextmanager
async def serving(instance: Instance) -> AsyncIterator[str]:
    """On a free port of this loop; yields `ws://host:port`."""
    app = web.Application()
    app.add_routes([web.get("/subscribe", instance.handle), web.get(V2_PATH, instance.handle)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def serving_apart(instance: Instance) -> Iterator[str]:
    """The same in a thread, for feeds that are processes of their own."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    found: list[str] = []

    async def serve() -> None:
        async with serving(instance) as url:
            found.append(url)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()
