"""A real Chromium for the tests, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from agents.local.embedded import child
from tests.servers import left_out

START_S = 30.0


class Tab:
    """One page. `run` evaluates JavaScript in it and returns the value."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._ids = socket, count(1)

    async def ask(self, method: str, **params: Any) -> Any:
        """One DevTools command; events in between are dropped."""
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        while True:
            answer = await self._socket.receive_json()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    async def run(self, script: str) -> Any:
        """The value of an expression."""
        result = await self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, script: str, within_s: float = 15.0) -> Any:
        """The value of an expression once it is true; fails when it never is."""
        deadline_s = time.monotonic() + within_s
        while not (value := await self.run(script)):
            assert time.monotonic() < deadline_s, (
                f"never true: {script}; page: {await self.run('document.body.innerText')}"
            )
            await asyncio.sleep(0.05)
        return value

    async def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """How large the page is shown, and in which colours."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.ask("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self, path: Path) -> None:
        """A screenshot (PNG), to look at."""
        picture = base64.b64decode((await self.ask("Page.captureScreenshot"))["data"])
        await asyncio.to_thread(path.write_bytes, picture)


@asynccontextmanager
async def tab() -> AsyncIterator[Tab]:
    """A tab of a fresh, headless Chromium; skips the test where there is none. Main thread only."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        left_out("no browser: chromium is missing (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        port = Path(folder) / "DevToolsActivePort"
        argv = [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
        ]
        argv += ["--disable-dev-shm-usage", "--remote-debugging-port=0", f"--user-data-dir={folder}", "about:blank"]
        with child(argv, lambda _: port.exists() and bool(port.read_text()), start_s=START_S, stop_s=2):
            async with aiohttp.ClientSession() as session:
                address = f"http://127.0.0.1:{port.read_text().split()[0]}/json/list"
                async with session.get(address) as answer:
                    pages = [target for target in await answer.json() if target["type"] == "page"]
                async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    yield Tab(socket)
