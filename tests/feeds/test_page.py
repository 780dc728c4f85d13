"""The example of agents/feeds/README.md is a source: it keeps the contract of all sources."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from typing import Any

import orjson

from streams.sources.live import LiveSource
from tests.feeds.contract import Contract, Script
from tests.servers import ROOT

T0 = 1_783_123_200_000


def example() -> Any:
    """The class on the page."""
    page = (ROOT / "agents" / "feeds" / "README.md").read_text()
    (code,) = re.findall(r"<!-- example -->\n```python\n(.*?)```\n<!-- end -->", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "agents/feeds/README.md", "exec"), names)  # noqa: S102 - it is the page
    return names["Lines"]


class TestExample(Contract):
    """On a server of lines."""

    def source(self, endpoint: str) -> LiveSource:
        return example()((endpoint,))  # type: ignore[no-any-return]

    def ids(self, count: int) -> list[str]:
        return [f"e{n}" for n in range(1, count + 1)]

    @contextlib.asynccontextmanager
    async def serving(self, script: Script) -> AsyncIterator[str]:
        async def said(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            script.connections += 1
            try:
                asked = (await reader.readline()).strip()
                for n in range(int(asked or 0) + 1, script.count + 1):
                    if n - 1 in script.cut and n - 1 not in script.cuts:
                        script.cuts.add(n - 1)
                        return
                    if n - 1 in script.bad:
                        writer.write(b'{"seq": half\n')
                    event = {"id": f"e{n}", "type": "like", "actor": f"a{n % 7}", "target": "t", "ts": T0 + n}
                    line = orjson.dumps(event | {"seq": n})
                    writer.write(line + b" " * script.large + b"\n")
                    await writer.drain()
                    script.sent += 1
                if script.endless:
                    await reader.read()
            except OSError:
                pass
            finally:
                script.connections -= 1
                writer.close()

        server = await asyncio.start_server(said, "127.0.0.1", 0)
        try:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
