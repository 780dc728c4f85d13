"""What a worker stands in: Kafka's topics, Redis, the clocks. Looked at in one place, told everywhere in the same words."""
