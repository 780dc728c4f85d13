"""HTTP: the leaderboard page, its push stream, users as JSON, and health."""
