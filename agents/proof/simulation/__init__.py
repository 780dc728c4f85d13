"""The product's own loop on an in-memory log, group, clock and Redis, with seeded faults at every step."""
