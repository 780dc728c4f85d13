"""The scoreboard: Redis as the live view of all scores. Layout, writer, reader; nothing in it is the only copy."""
