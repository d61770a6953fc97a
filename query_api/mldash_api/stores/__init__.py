"""What a request names → ids; snapshots of chains; what was read and may be read again (caches, parts of chunks)."""
