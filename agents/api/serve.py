"""Serving the app: alone or in a thread beside other work, on a port of one's choice or a free one, and how to end it."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI

from agents.api.app import create_api
from agents.api.wire import Patience, Wire, most_connections
from agents.worker.health import Health
from streams.errors import CloutError, UsageError
from streams.settings import Settings

START_S = 15.0
STOP_S = 3.0
UNREAD_MS = 15_000  #: who takes nothing of what was sent for so long is cut off; nothing above the socket could do it


class Server(uvicorn.Server):
    """uvicorn, but push streams end first: it waits for open connections, and they would never end by themselves.

    And it looks after connections: see `agents.api.wire`.
    """

    def __init__(self, app: FastAPI) -> None:
        wire: Any = partial(Wire, most=most_connections())
        config = uvicorn.Config(
            app,
            http=wire,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=2,
            lifespan="on",
        )
        super().__init__(config)
        self._hub = app.state.hub
        self._patience = Patience(self.server_state.connections)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second."""
        if counter % 10 == 0:
            self._patience.look(time.monotonic())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then the rest."""
        self._hub.close()
        await super().shutdown(sockets)


@contextlib.contextmanager
def serving(
    settings: Settings, port: int = 0, host: str = "127.0.0.1", health: Health | None = None, note: str = ""
) -> Iterator[int]:
    """Serves the app in a thread while the block lasts; yields the real port (0 asks for a free one).

    `note` is said on the page. A process must not end within the block: uvloop in a thread (the extra `fast`) does not survive
    the interpreter, whose end takes long enough to meet it (LLVM frees what it compiled): one exit in fifteen was a SIGSEGV.
    """
    listener = _listen(host, port)
    server = Server(create_api(settings, host=host, health=health, note=note))
    thread = threading.Thread(target=server.run, args=([listener],), name="page", daemon=True)
    thread.start()
    try:
        _wait(server, thread, host, port)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(STOP_S)
        listener.close()


def serve(settings: Settings, port: int, host: str, told: Callable[[int], None]) -> None:
    """Serves the app until SIGTERM or Ctrl-C, in the main thread; `told` gets the real port. Raises UsageError for a taken one.

    When streams and requests have ended, uvicorn raises the signal again, for the handler that was there before.
    """
    with contextlib.closing(_listen(host, port)) as listener:
        server = Server(create_api(settings, host=host))
        gc.freeze()  # else a full collection looks at all that was imported: 60 ms in which nobody is answered
        listener.listen()  # whoever is told the port may call: it is answered once the app is up
        told(listener.getsockname()[1])
        server.run([listener])


def _wait(server: Server, thread: threading.Thread, host: str, port: int) -> None:
    end_s = time.monotonic() + START_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > end_s:
            raise CloutError(f"the page on {host}:{port} did not start; see the lines above")
        thread.join(0.01)


def _listen(host: str, port: int) -> socket.socket:
    """Bound here, so that a taken port is said plainly, and at once."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; each connection has it from its listener
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot serve on {host}:{port} ({why}); choose another --port, or 0 for a free one") from None
    return listener
