"""The OpenAPI document and the API say the same: Schemathesis asks all that the document allows, and much that it does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import httpx

from agents.api.app import create_api
from streams.settings import Settings
from tests.api.conftest import Scene
from tests.api.filled import fill
from tests.api.on_kafka import on, until
from tests.servers import ROOT

#: of each operation, beside those that its schema gives; no random numbers, so that it is the same each time
CASES = 2
#: users of the examples in the document: what it shows can be asked
SHOWN = {"bluesky:ann": 61.3, "mastodon:bob": 41.3, "bluesky:did:plc:abc": 20.0}


def test_the_contract(scene: Scene, served: Callable[..., httpx.Client], kafka: str, prefix: str) -> None:
    """All checks on, reads and writes: statuses, content types and schemas are as documented, wrong input is refused, right
    input is taken, writes want their token, `Allow` is right, and nothing is a 500. Long form: tests/README.md."""
    fill(scene)
    scene.write(SHOWN, counts=10)
    topics = on(kafka, prefix, scene.settings)
    topics.create()
    token = topics.token("me", "admin")
    # what was written is fresh until the end, so that /readyz is well
    client = served(kafka=kafka, topic_prefix=topics.settings.topic_prefix, idle_s=600)
    until(lambda: client.delete("/v1/rules/nothing", headers=token), lambda answer: answer.status_code == 404)
    assert client.get("/readyz").status_code == 200
    argv = [sys.executable, "-m", "schemathesis.cli", "--config-file", "tests/api/schemathesis.toml", "run"]
    argv += [str(client.base_url.join("/openapi.json")), "-H", f"Authorization: {token['Authorization']}"]
    argv += ["--checks", "all", "--phases", "examples,coverage,fuzzing", "-n", str(CASES), "--generation-deterministic"]
    done = subprocess.run([*argv, "--no-color"], check=False, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    operations = sum(len(methods) for methods in create_api(Settings()).openapi()["paths"].values())
    assert f"Tested: {operations - 1}" in done.stdout  # all but the stream
