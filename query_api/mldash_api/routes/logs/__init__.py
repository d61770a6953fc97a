"""Routes of log lines."""
