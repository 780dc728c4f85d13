"""Looks for the seeds that notice mutations anew, some minutes, and notes them: `python -m agents.proof.simulation.note`."""

from __future__ import annotations

from agents.proof.simulation.noticed import note
from agents.proof.simulation.run import run

if __name__ == "__main__":
    note({})
    outcome = run(range(0))
    note(outcome.caught)
    raise SystemExit(f"not noticed: {', '.join(outcome.missed)}" if outcome.missed else 0)
