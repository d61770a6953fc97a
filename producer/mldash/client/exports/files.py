"""A file that is whole or not there: written beside its place under a hidden name, and moved there at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from mldash.client.errors import FileInTheWay


class NewFiles:
    """The files of one export."""

    def __init__(self, *, replace: bool) -> None:
        """`replace`: plain files that were there before."""
        self._replace = replace
        self._made = set[tuple[int, int]]()

    def check(self, path: Path) -> None:
        """Raises FileInTheWay."""
        if os.path.lexists(path):
            found = path.lstat()
            # One of this very export is there under a name that the file system takes for the same: Loss and loss.
            is_of_before = path.is_file() and (found.st_dev, found.st_ino) not in self._made
            if not (self._replace and is_of_before):
                raise FileInTheWay(path, may_be_replaced=is_of_before)

    @contextmanager
    def open(self, path: Path) -> Iterator[BinaryIO]:
        """Folders above it are made. What ends it in the middle, Ctrl-C too, leaves nothing. Raises FileInTheWay."""
        self.check(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{token_hex(8)}.part")
        try:
            with part.open("xb") as file:
                yield file
            self._put(part, path)
        finally:
            part.unlink(missing_ok=True)

    def _put(self, part: Path, path: Path) -> None:
        self.check(path)  # it may have come meanwhile
        if self._replace:
            part.replace(path)
        else:
            _move_to_free(part, path)
        made = path.lstat()
        self._made.add((made.st_dev, made.st_ino))


def _move_to_free(part: Path, path: Path) -> None:
    """Unlike a rename, a link never takes another file's place."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        raise FileInTheWay(path, may_be_replaced=False) from None
    except OSError:  # a file system without hard links
        part.replace(path)
