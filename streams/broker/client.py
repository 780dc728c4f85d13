"""kafka-python's admin client, connected; one that cannot connect leaves nothing running."""

from __future__ import annotations

from typing import Any

from streams.broker.security import connection
from streams.settings import Settings


def admin_client(settings: Settings, timeout_ms: int) -> Any:
    """A `KafkaAdminClient`. Raises KafkaError or OSError, by itself without a word about the reason: see `diagnosis`."""
    from kafka.admin import KafkaAdminClient
    from kafka.net.compat import KafkaNetClient

    begun: list[Any] = []

    def network(**given: Any) -> Any:
        begun.append(KafkaNetClient(**given))
        return begun[0]

    try:
        return KafkaAdminClient(
            **connection(settings),
            request_timeout_ms=timeout_ms,
            bootstrap_timeout_ms=timeout_ms,
            kafka_client=network,
        )
    except BaseException:
        for client in begun:  # its thread and sockets outlive it: a worker that waits for Kafka would run out of them
            client.close()
            client._manager._net.close()
        raise
