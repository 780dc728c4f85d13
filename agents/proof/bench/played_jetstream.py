"""A Jetstream that says so many made-up frames of version 2 as fast as they are taken. In a process of its own: see apart.py."""

from __future__ import annotations

import datetime
import time

from aiohttp import WSMsgType, web

from agents.proof.bench.apart import Result, main, over, say
from streams.sources.bluesky import V2_PATH

_TYPE = "network.bsky.jetstream.subscribeEvents#commit"
_CID = "bafyreidqpc7si3dbimffi64lz3xsx2qt45ip7rpna2qpslcddp23itjjzm"
#: what one message of ten is, roughly as in production: collection, and what is in the record
_MIX = (
    *(("app.bsky.feed.like", "subject"),) * 7,
    ("app.bsky.feed.repost", "subject"),
    ("app.bsky.graph.follow", "whom"),
    ("app.bsky.feed.post", "reply"),
)
_USERS = 50_000


def frames(count: int) -> list[bytes]:
    """Of 500 bytes or so each; every one another event."""
    now_s = time.time()
    found = []
    for n in range(count):
        collection, what = _MIX[n % len(_MIX)]
        uri = f"at://did:plc:{n * 7 % _USERS:024d}/app.bsky.feed.post/3mmoodizf{n % 999:04d}"
        subject = f'{{"cid":"{_CID}","uri":"{uri}"}}'
        about = {
            "subject": f'"subject":{subject}',
            "whom": f'"subject":"did:plc:{n * 7 % _USERS:024d}"',
            "reply": f'"langs":["en"],"reply":{{"parent":{subject},"root":{subject}}},"text":"I see"',
        }[what]
        moment = datetime.datetime.fromtimestamp(now_s - 5 + n / count, datetime.UTC).isoformat(timespec="microseconds")
        time_ = moment.replace("+00:00", "Z")
        found.append(
            f'{{"$type":"message","payload":{{"$type":"{_TYPE}","seq":{n + 1},"did":"did:plc:{n % _USERS:024d}",'
            f'"time":"{time_}","rev":"3mmoojp7vgo2g","operation":"create","collection":"{collection}",'
            f'"rkey":"3mm{n:010d}","record":{{"$type":"{collection}","createdAt":"{time_}",{about}}},"cid":"{_CID}"}}}}'.encode()
        )
    return found


async def play(plan: Result) -> Result:
    """Says `events` frames to whoever connects, until it is told to end."""
    made = frames(plan["events"])

    async def tell(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("xrpc.v1.json",), compress=False)
        await socket.prepare(request)
        for frame in made:
            await socket.send_frame(frame, WSMsgType.TEXT)
        await socket.receive()
        return socket

    app = web.Application()
    app.add_routes([web.get(V2_PATH, tell)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    say({"port": runner.addresses[0][1]})
    await over()
    await runner.cleanup()
    return {"frame_bytes": round(sum(map(len, made)) / max(len(made), 1))}


if __name__ == "__main__":
    main(play)
