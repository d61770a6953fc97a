"""A folder that is there as a whole or not at all: it is made beside its place, and renamed when it is ready."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PAGE: Final = "index.html"
POINTS: Final = "points"


class FolderNotEmpty(Exception):
    """The folder holds something."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"{self.folder} is not empty: name a new folder, or replace the snapshot in it by --force"


def check_free(folder: Path) -> None:
    """Raises FolderNotEmpty, and NotADirectoryError for a file."""
    if folder.exists() and any(folder.iterdir()):
        raise FolderNotEmpty(folder)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Where to write a page and points; at the end they take the place of those in `folder`, where there are any. All
    else in it stays. Whatever interrupts the writing, nothing of it is left."""
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        made, old = Path(beside, "new"), Path(beside, "old")
        made.mkdir()  # with the rights that the user's files have; that around it is for the user alone
        yield made
        if not folder.exists() or not any(folder.iterdir()):
            made.rename(folder)
            return
        old.mkdir()
        for name in (PAGE, POINTS):
            if (folder / name).exists():
                (folder / name).rename(old / name)
            if (made / name).exists():
                (made / name).rename(folder / name)
