"""The demo's pager: a receiver of webhooks on loopback, signed as any other; it shows that alerts arrive, and how soon."""

from __future__ import annotations

import base64
import contextlib
import secrets
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson

from agents.alerting.signing import PREFIX, headers

NAME = "demo-pager"
_MOST_BYTES = 1_000_000


class Pager:
    """What it was told."""

    def __init__(self) -> None:
        self.secret = PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()
        self.count = 0
        self.latest = ""  #: in words
        self.port = 0

    def channels(self, folder: Path) -> Path:
        """A file with the channel that leads here."""
        file = folder / "channels.toml"
        file.write_text(
            f'[[channel]]\nname = "{NAME}"\nurl = "http://127.0.0.1:{self.port}/"\nsign = ["secret:demo"]\nmost_a_minute = 600\n'
        )
        return file

    def take(self, body: bytes, given: dict[str, str]) -> bool:
        """One webhook. False if it is not signed as it must be."""
        event, now_s = orjson.loads(body), time.time()
        said = headers(event["id"], int(given["webhook-timestamp"]), body, [self.secret])
        if {name: given.get(name) for name in said} != said:
            return False
        self.count += 1
        late_ms = now_s * 1000 - event["data"]["at"]
        said_so = event["data"]["sentence"]
        self.latest = f"webhook {self.count:,} to {NAME}, {late_ms:,.0f} ms after the alert: {said_so}"
        return True


@contextlib.contextmanager
def paging() -> Iterator[Pager]:
    """Receives while the block lasts."""
    pager = Pager()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length", "0")), _MOST_BYTES))
            well = pager.take(body, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(204 if well else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the demo says it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    pager.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, name="pager", daemon=True)
    thread.start()
    try:
        yield pager
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
