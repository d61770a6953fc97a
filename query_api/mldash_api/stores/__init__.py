"""What a request names → ids; what was read and may be read again (caches, parts of chunks)."""
