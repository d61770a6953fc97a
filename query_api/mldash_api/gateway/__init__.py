"""Records that come over HTTP and go on to Kafka: for hosts that can't reach Kafka, or may not (docs/security.md)."""
