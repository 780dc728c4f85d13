"""What the README says can be copied works when it is copied."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.integration.stack import Stack
from tests.servers import ROOT


def test_the_producer_and_the_consumer_of_the_readme(kafka: str, redis_url: str, prefix: str, tmp_path: Path) -> None:
    """The Python producer's event reaches `scores`, where the Python consumer reads bob's score."""
    producer, consumer = (
        block.replace("localhost:9092", kafka)
        for block in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    )
    clout = Stack(kafka, redis_url, prefix, tmp_path, topic_prefix="")
    with clout.worker():
        subprocess.run([sys.executable, "-c", producer], check=True, timeout=30)
        clout.settled(1)
        reading = subprocess.Popen([sys.executable, "-uc", consumer], stdout=subprocess.PIPE, text=True)
        try:
            assert reading.stdout
            lines = [reading.stdout.readline() for _ in range(2)]
        finally:
            reading.kill()
            reading.wait()
    assert any(line.startswith("bluesky:bob ") for line in lines)
