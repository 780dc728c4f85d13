"""Where the real data are, and small files made on the spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(scope="session")
def real() -> Callable[[str], str]:
    """The path of a file of the real data; skips where it is absent."""

    def path(name: str) -> str:
        file = DATA / name
        if not file.exists():
            pytest.skip(f"real data absent: ../shared/data/{name}")
        return str(file)

    return path


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes text or bytes to a file of its own and gives its path."""

    def file(content: str | bytes, name: str = "events.txt") -> str:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    return file
