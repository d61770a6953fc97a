"""Certificates that a test makes, and what a server on this host shows of them."""

import asyncio
import ssl
from pathlib import Path

import trustme


def context_of(authority: trustme.CA) -> ssl.SSLContext:
    """Of a client that trusts this authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def files_of(folder: Path, authority: trustme.CA, address: str) -> tuple[str, str]:
    """Certificate and key of this address, each put in its place by rename."""
    made = authority.issue_cert(address)
    chain = b"".join(one.bytes() for one in made.cert_chain_pems)
    return put(folder / "tls.crt", chain), put(folder / "tls.key", made.private_key_pem.bytes())


def put(file: Path, content: bytes) -> str:
    file.parent.mkdir(exist_ok=True)
    beside = file.with_suffix(".new")
    beside.touch(0o600)
    beside.write_bytes(content)
    beside.replace(file)
    return str(file)


async def is_served(port: int, authority: trustme.CA) -> bool:
    """Whether a new connection is answered with a certificate of this authority."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context_of(authority))
    except ssl.SSLError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
