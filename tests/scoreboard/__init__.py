"""What must hold of the scoreboard, on Redis and on Valkey alike."""
