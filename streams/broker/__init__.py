"""Kafka: topics, blocks in, record batches out, and the read-process-write loop of each partition."""
