"""The token of an API that is one user's, in a file that only they can read; and beside it the link that signs their
browser in.

On a host with many users, as a login node, loopback is every user's. Who can read the file may call.
"""

import contextlib
import os
import stat
from pathlib import Path
from time import time
from typing import Final

from mldash_api.errors import TokenFileUnusable
from mldash_ingest.documents.mongo import Mongo

from .people.links import ONCE_S, create_link
from .token_text import is_token, new_token

_OTHERS: Final = 0o077
_MODE: Final = 0o600


def read_private_token(path: str) -> str:
    """The token of the file, which is made with a new one where it is missing. Raises TokenFileUnusable."""
    file = Path(path).expanduser()
    try:
        with contextlib.suppress(FileExistsError):
            _make(file)
        return _read(file)
    except OSError as error:
        raise TokenFileUnusable(str(file), error.strerror or str(error)) from error


async def write_first_link(mongo: Mongo, path: str, address: str) -> None:
    """An address that signs a browser in, once and within ten minutes. Raises TokenFileUnusable."""
    now = time()
    text, _ = await create_link(mongo, None, now + ONCE_S, "the start of the API", now)
    _write(path, f"{address}/sign-in#once={text}\n")


def _write(path: str, text: str) -> None:
    """Whole or not at all. Raises TokenFileUnusable."""
    file = Path(path).expanduser()
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "w", encoding="ascii") as stream:
            stream.write(text)
        new.replace(file)
    except OSError as error:
        raise TokenFileUnusable(str(file), error.strerror or str(error)) from error


def _make(file: Path) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(f"{new_token()}\n")


def _read(file: Path) -> str:
    """What is looked at is what is read, whatever stands under the name a moment later."""
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), encoding="ascii", errors="replace") as stream:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & _OTHERS:
            raise TokenFileUnusable(str(file), "it must be a file of yours with mode 0600: others could read the token")
        text = stream.read(1_024).strip()
    if not is_token(text):
        raise TokenFileUnusable(str(file), "it holds no token: delete it, and a new one is made")
    return text
