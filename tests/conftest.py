"""Servers and names for the tests. Servers start at the first test that asks, once a session, and never outlive it."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from agents.local import embedded
from agents.local.cluster import KafkaCluster, lacks_for_kafka
from tests.servers import ROOT, left_out

HERE = Path(__file__).resolve().parent

settings.register_profile("untimed", settings(), deadline=None)  # a machine under load is no mistake
settings.load_profile("untimed")


#: folders whose files take longest, for they start servers and workers
LONG = ("simulation", "chaos", "bench", "integration", "demo", "dashboard", "cli", "worker")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files begin first: of several processes none is left alone with one at the end."""
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.nodeid.split("/")[1], len(places)))


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """A real Apache Kafka with one broker: "host:port". Shared: use `prefix`. CLOUT_TEST_KAFKA names one that runs."""
    if running := os.environ.get("CLOUT_TEST_KAFKA"):
        yield running
        return
    if lack := lacks_for_kafka():
        left_out(lack)
    with KafkaCluster() as cluster:
        yield cluster.bootstrap


@pytest.fixture(scope="session")
def embedded_kafka() -> Iterator[str]:
    """The broker of the demo, in memory, without transactions: "host:port". Shared: name everything with `prefix`."""
    with embedded.embedded_kafka() as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis: its URL. Shared: name all keys with `prefix`."""
    server = shutil.which("redis-server")
    if not server:
        left_out("no real Redis: redis-server is missing (Debian: apt-get install redis-server)")
    with embedded.serve_redis(server) as url:
        yield url


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """The Valkey of the demo: its URL. Shared: name all keys with `prefix`."""
    with embedded.embedded_redis() as url:
        yield url


@pytest.fixture
def prefix() -> str:
    """A name nobody used before, for topics, groups and keys: so tests share servers without seeing each other."""
    return f"t{uuid.uuid4().hex[:10]}-"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project, or a skip: the project stands without it, in CI too."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real data: there is no ../shared/data beside the project")
    return folder


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notes why tests were skipped, one reason a line, in the file that deploy/test names."""
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """The same for modules that were skipped whole."""
    _note(report)


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    file = os.environ.get("CLOUT_LEFT_OUT")
    if file and report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
        with Path(file).open("a") as notes:
            notes.write(" ".join(report.longrepr[2].removeprefix("Skipped: ").split()) + "\n")
