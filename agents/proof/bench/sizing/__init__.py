"""How many of everything a load needs, from the figures of `deploy/bench`: `deploy/SIZING.md`."""
