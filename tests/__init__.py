"""What must hold, by area; servers.py starts the real Kafka and Redis, conftest.py hands them out."""
