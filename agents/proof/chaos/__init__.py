"""Chaos on real servers: faults of every kind under a steady feed, and an exact account of what came out."""
