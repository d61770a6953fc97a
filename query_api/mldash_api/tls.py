"""TLS of the API itself: the certificate and key files, taken up again when they change.

uvicorn does not see that they change. A pair that is new is first loaded into a context of its own: one that does not
match would leave the live context without a key. Both files have to be replaced by rename, and the key's type stays.
"""

import asyncio
import ssl
from pathlib import Path
from typing import Final

import structlog

from .errors import CertificateUnusable

LOOK_EVERY_S: Final = 5.0
_log = structlog.get_logger()

_Seen = tuple[tuple[int, int, int], ...]


class Certificate:
    """The pair of files. `check` once before the server starts, then `renew` now and then on the live context."""

    def __init__(self, cert_file: str, key_file: str) -> None:
        self._files = (Path(cert_file).expanduser(), Path(key_file).expanduser())
        self._seen: _Seen = ()

    def check(self) -> tuple[str, str]:
        """The two paths. Raises CertificateUnusable."""
        self._seen = self._look()
        self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        return str(self._files[0]), str(self._files[1])

    async def renew(self, live: ssl.SSLContext) -> None:
        """Take up what has changed. Raises CertificateUnusable; the old pair is served on then."""
        seen = await asyncio.to_thread(self._look)
        if seen == self._seen:
            return
        await asyncio.to_thread(self._load, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self._load(live)
        self._seen = seen
        _log.info("a new certificate is served", file=str(self._files[0]))

    def _look(self) -> _Seen:
        try:
            found = [file.stat() for file in self._files]
        except OSError as error:
            raise CertificateUnusable(str(error.filename), error.strerror or str(error)) from error
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in found)

    def _load(self, context: ssl.SSLContext) -> None:
        cert, key = self._files
        try:
            # A key with a passphrase would make OpenSSL ask at the terminal.
            context.load_cert_chain(cert, key, password="")
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
            raise CertificateUnusable(f"{cert} with {key}", str(reason)) from error
