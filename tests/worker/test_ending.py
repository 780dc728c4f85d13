"""How a worker ends that the broker has refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.servers import ROOT


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("ProducerFenced", "another worker has taken over"),
        ("OutOfOrderSequenceNumber", "no longer has what this worker wrote"),
        ("UnknownProducerId", "no longer has what this worker wrote"),
    ],
)
def test_what_can_be_expected_is_one_sentence(error: str, said: str) -> None:
    """Exit code 1 and a line that says what to look for, no traceback."""
    code = f"import aiokafka.errors as e; from agents.worker.servers import die; die(e.{error}())"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("clout worker ends: ")
    assert said in line
