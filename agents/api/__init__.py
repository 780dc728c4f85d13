"""HTTP: users and boards as JSON, writes, the push stream, the dashboard, and health."""
