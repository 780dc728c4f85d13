"""Sources that other packages bring: an entry point makes them known, and the command runs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from agents.cli.main import cli
from agents.feeds import registry

Package = Callable[..., None]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Installs, as it were, a package with one module and one entry point."""

    def install(code: str, name: str = "lines", made: str = "Lines") -> None:
        about = tmp_path / "brought-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{name} = {tmp_path.name}_brought:{made}\n")
        (tmp_path / f"{tmp_path.name}_brought.py").write_text(code)
        monkeypatch.syspath_prepend(str(tmp_path))

    return install


CODE = """
class Lines:
    name, network, replays, stall_s = "lines", "example", True, None

    def __init__(self, endpoints=("here",)):
        self.endpoints = endpoints

    async def events(self, endpoint, cursor):
        yield None
"""


def test_a_package_brings_a_source(package: Package) -> None:
    """Known by its name, beside ours, and made with the endpoints that are given."""
    package(CODE)
    assert {"bluesky", "lines"} <= set(registry.known())
    assert registry.opened("lines").endpoints == ("here",)
    assert registry.opened("lines", ["there"]).endpoints == ("there",)


@pytest.mark.parametrize(
    ("code", "made", "why"),
    [("", "Lines", "AttributeError"), ("import nowhere", "Lines", "nowhere"), (CODE, "Lines.name", "not callable")],
)
def test_a_package_that_is_broken(package: Package, code: str, made: str, why: str) -> None:
    """Is named, with what is wrong."""
    package(code, made=made)
    done = CliRunner().invoke(cli, ["feed", "lines"], env={"CLOUT_KAFKA": "127.0.0.1:1"})
    assert done.exit_code == 2
    assert "the source lines (" in done.output
    assert why in done.output
