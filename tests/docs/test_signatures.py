"""The snippets that check signatures, as they stand in the docs, on a webhook as it is sent."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from agents.alerting.signing import headers
from tests.servers import ROOT

SECRET, OTHER = (f"whsec_{base64.b64encode(letter * 32).decode()}" for letter in (b"\x00\xff", b"\xfe"))
BODY = '{"sentence":"fell 4,6 points \N{CIRCLED LATIN SMALL LETTER A}"}\n'.encode()


def snippet(name: str) -> str:
    """What stands below its mark."""
    found = re.search(
        rf"<!-- snippet: {name} -->\n```[a-z]*\n(.*?)```", (ROOT / "agents/README.md").read_text(), re.DOTALL
    )
    assert found
    return found[1]


def test_python() -> None:
    """It takes what is signed with the secret, also as one of two, and lately; nothing else."""
    known: dict[str, Any] = {}
    exec(snippet("python"), known)  # noqa: S102 - ours
    verified, now_s = known["verified"], int(time.time())
    for secrets, good in (([SECRET], True), ([OTHER, SECRET], True), ([OTHER], False)):
        assert verified(SECRET, headers("a/b", now_s, BODY, secrets), BODY) is good
    sent = headers("a/b", now_s, BODY, [SECRET])
    assert not verified(SECRET, sent, BODY + b" ")
    assert not verified(SECRET, sent | {"webhook-id": "msg_other"}, BODY)
    assert not verified(SECRET, headers("a/b", now_s - 600, BODY, [SECRET]), BODY)


@pytest.mark.skipif(not shutil.which("openssl"), reason="no openssl")
def test_shell(tmp_path: Path) -> None:
    """It prints what stands in the header."""
    sent = headers("a/b", 1_767_225_600, BODY, [SECRET])
    (tmp_path / "body").write_bytes(BODY)
    env = os.environ | {"SECRET": SECRET, "ID": sent["webhook-id"], "TIMESTAMP": sent["webhook-timestamp"]}
    done = subprocess.run(
        ["sh", "-c", snippet("shell")], cwd=tmp_path, env=env, capture_output=True, check=True, timeout=30
    )
    assert f"v1,{done.stdout.decode().strip()}" == sent["webhook-signature"]
