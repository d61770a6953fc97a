"""Routes of the live stream."""
