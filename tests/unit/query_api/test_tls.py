"""Certificate and key on a live context: what fits is taken up, what does not leaves what was there."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from mldash_api.errors import CertificateUnusable
from mldash_api.tls import Certificate
from tests.certificates import files_of, is_served, put


@asynccontextmanager
async def serving(files: tuple[str, str]) -> AsyncIterator[tuple[ssl.SSLContext, int]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield context, server.sockets[0].getsockname()[1]


async def test_a_pair_that_fits_is_taken_up_and_another_leaves_the_old_one(tmp_path: Path) -> None:
    """Also while only one of the two files has been replaced."""
    old, new = trustme.CA(), trustme.CA()
    files = files_of(tmp_path, old, "127.0.0.1")
    certificate = Certificate(*files)
    certificate.check()
    async with serving(files) as (live, port):
        await certificate.renew(live)
        assert await is_served(port, old)
        made = new.issue_cert("127.0.0.1")
        put(tmp_path / "tls.key", made.private_key_pem.bytes())
        with pytest.raises(CertificateUnusable, match="KEY_VALUES_MISMATCH"):
            await certificate.renew(live)
        assert await is_served(port, old)
        put(tmp_path / "tls.crt", b"".join(one.bytes() for one in made.cert_chain_pems))
        await certificate.renew(live)
        assert await is_served(port, new)
        assert not await is_served(port, old)


async def test_a_file_that_is_gone_is_said_and_the_old_one_served(tmp_path: Path) -> None:
    authority = trustme.CA()
    files = files_of(tmp_path, authority, "127.0.0.1")
    certificate = Certificate(*files)
    certificate.check()
    async with serving(files) as (live, port):
        (tmp_path / "tls.crt").unlink()
        with pytest.raises(CertificateUnusable, match=r"tls\.crt"):
            await certificate.renew(live)
        assert await is_served(port, authority)


def test_a_key_with_a_passphrase_is_refused_and_asks_nobody(tmp_path: Path) -> None:
    """OpenSSL would wait at the terminal."""
    cert, key = files_of(tmp_path, trustme.CA(), "127.0.0.1")
    from cryptography.hazmat.primitives import serialization

    loaded = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    locked = loaded.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    put(Path(key), locked)
    with pytest.raises(CertificateUnusable):
        Certificate(cert, key).check()
