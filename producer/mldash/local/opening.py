"""How the files of an experiment's folder are opened for reading.

Who logs may have put a link in place of any of them, and it is followed. Who looks at folders of others follows none
below the experiment's folder: it would read what their owner can't, and walk in circles.
"""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

OpenFile = Callable[[Path], int]
"""Path → descriptor. Raises OSError."""

_READS: Final = os.O_RDONLY | os.O_CLOEXEC
_PASSES: Final = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotFollowed(OSError):
    """A link, or what is no plain file and might hold up who reads it."""


def open_anyhow(path: Path) -> int:
    """Links are followed."""
    return os.open(path, _READS)


def open_within(folder: Path) -> OpenFile:
    """Of files below the folder, to which links may lead. Raises NotFollowed."""

    def open_file(path: Path) -> int:
        *folders, name = path.relative_to(folder).parts
        here = os.open(folder, _PASSES & ~os.O_NOFOLLOW)
        try:
            for one in folders:
                below = _opened(one, _PASSES, here, path)
                os.close(here)
                here = below
            # A pipe would be waited for.
            found = _opened(name, _READS | os.O_NOFOLLOW | os.O_NONBLOCK, here, path)
        finally:
            os.close(here)
        if not stat.S_ISREG(os.fstat(found).st_mode):
            os.close(found)
            raise NotFollowed(errno.EINVAL, "it is no plain file", str(path))
        return found

    return open_file


def file_of(descriptor: int) -> BinaryIO:
    """Raises OSError, of a folder; the descriptor is closed then."""
    try:
        return os.fdopen(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise


def _opened(name: str, flags: int, here: int, path: Path) -> int:
    try:
        return os.open(name, flags, dir_fd=here)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and _is_link(name, here):
            reason = "there is a link in it, and links within a run are not followed"
            raise NotFollowed(errno.ELOOP, reason, str(path)) from None
        raise type(error)(error.errno, error.strerror, str(path)) from None


def _is_link(name: str, here: int) -> bool:
    return stat.S_ISLNK(os.stat(name, dir_fd=here, follow_symlinks=False).st_mode)
