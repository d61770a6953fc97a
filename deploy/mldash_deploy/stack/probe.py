"""Does a server answer? Small questions over plain sockets, asked again and again while it starts."""

from __future__ import annotations

import asyncio
import ssl
import struct
from urllib.parse import urlsplit

_PROBE_TIMEOUT_S = 2.0

# ApiVersions, version 0, correlation 1, client id "probe": the one request that every Kafka broker answers.
_API_VERSIONS = struct.pack(">hhih5s", 18, 0, 1, 5, b"probe")


async def http_status(url: str, ca_file: str | None = None) -> int | None:
    """The status code of a GET, None where the server does not answer in time. `ca_file` signs an https server's
    certificate."""
    parts = urlsplit(url)
    path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    request = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()
    line = await _ask(parts.hostname or "127.0.0.1", parts.port or 80, request, ca_file, read_line=True)
    words = line.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else None


async def kafka_answers(port: int, ca_file: str | None = None) -> bool:
    """Whether the broker serves requests: it opens its doors only once it is a member of its own cluster."""
    request = struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS
    return len(await _ask("127.0.0.1", port, request, ca_file, read_line=False)) == 8


async def _ask(host: str, port: int, request: bytes, ca_file: str | None, *, read_line: bool) -> bytes:
    """The first line, or 8 bytes, of the answer; empty where there is none."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(_PROBE_TIMEOUT_S):
            tls = ssl.create_default_context(cafile=ca_file) if ca_file else None
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
            writer.write(request)
            return await (reader.readline() if read_line else reader.readexactly(8))
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return b""  # it is not up: what a probe is there to find out
    finally:
        if writer is not None:
            writer.close()
