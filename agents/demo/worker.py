"""The demo's worker as a child process: `python -m agents.demo.worker`, configured by CLOUT_* variables alone."""

from __future__ import annotations

from agents.worker.start import run
from streams.settings import Settings

if __name__ == "__main__":
    run(Settings.load())
