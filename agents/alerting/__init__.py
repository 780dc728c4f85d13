"""Alerts to those who have to hear of them: routes, a queue that survives, webhooks and mail."""
