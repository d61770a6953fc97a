"""The query API, as the SDK uses it: transport.py · handshake.py  addresses from the API · reader.py  reads; own writes
are awaited."""
