"""What the bare servers and libraries do with the same bytes, in the same run."""
