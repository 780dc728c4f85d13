"""A server of streams that says what a test wants, and cuts where it wants."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Query = dict[str, list[str]]

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def refusal(status: int, body: bytes = b"{}", headers: bytes = b"") -> list[bytes]:
    """An answer that opens no stream."""
    return [
        b"HTTP/1.1 %d No\r\ncontent-length: %d\r\nconnection: close\r\n%b\r\n%b" % (status, len(body), headers, body)
    ]


def chunk(data: bytes) -> bytes:
    """As HTTP/1.1 sends it."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def stream(*pieces: bytes, ended: bool = True) -> list[bytes]:
    """An answer in these pieces; not ended: the connection breaks."""
    return [HEAD, *map(chunk, pieces), *([END] if ended else [])]


@dataclass
class Scripted:
    """What is asked, and what is answered: `answer` of the parameters gives the bytes to send."""

    answer: Callable[[Query], list[bytes]]
    url: str = ""
    asked: list[Query] = field(default_factory=list)


@contextmanager
def serving(answer: Callable[[Query], list[bytes]]) -> Iterator[Scripted]:
    """The server, on a free port of loopback; one answer a connection."""
    script = Scripted(answer)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            target = self.rfile.readline().split()[1].decode()
            while self.rfile.readline().strip():
                pass
            query = parse_qs(urlsplit(target).query, keep_blank_values=True)
            script.asked.append(query)
            for piece in script.answer(query):
                self.wfile.write(piece)
                self.wfile.flush()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = allow_reuse_address = True

        def handle_error(self, *_: Any) -> None:
            """A client that has gone is none."""

    with Server(("127.0.0.1", 0), Handler) as server:
        script.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
