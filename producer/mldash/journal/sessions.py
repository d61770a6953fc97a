"""The sessions under a journal's folder: all, the living, and the dead, each locked for the process that sends it."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .ownership import forget_taken, has_heartbeat, is_beating, is_living
from .session_folder import GONE, MAKING, SessionFolder, open_session_folder, remove_tree

_TAKEN_KEPT_S = 30 * 86_400.0
MAKING_KEPT_S = 86_400.0


def find_sessions(root: Path, *, follows_links: bool = True) -> Iterator[SessionFolder]:
    """All sessions under a journal's folder, oldest first. Links that are not followed lead to none."""
    found = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in _named(root, follows_links):
            if (folder := open_session_folder(path)) is not None:
                found.append(folder)
    yield from sorted(found, key=lambda folder: (folder.head.started, folder.head.session))


def live_sessions(journal: Path, *, for_people: bool = False, follows_links: bool = True) -> set[str]:
    """The sessions under a journal's folder whose process lives, this one's among them. Reads only.

    `for_people`: without locks a process that has been silent for some minutes is not shown as living, long before
    another process may take its files.
    """
    live = set()
    with contextlib.suppress(FileNotFoundError):
        for path in _named(journal, follows_links):
            if _is_live(path, for_people):
                live.add(path.name)
    return live


def is_dead(session: Path) -> bool:
    """Whether the process that wrote a session is gone, or was silent for so long that its files are another's."""
    return session.exists() and not _is_live(session, for_people=False)


def lock_dead_sessions(
    root: Path, unreadable: Callable[[Path, Exception], None] = lambda path, error: None
) -> Iterator[SessionFolder]:
    """Sessions whose process is gone, each locked for the caller, who sends and removes or unlocks them.

    `unreadable` is told of one that can't be locked: it holds up none of the others.
    """
    forget_taken(root, _TAKEN_KEPT_S)
    _clear_what_kills_left(root)
    for folder in find_sessions(root):
        try:
            is_ours = try_lock(folder) and folder.path.exists()  # it may be removed between look and lock
        except Exception as error:
            is_ours = False
            unreadable(folder.path, error)
        if is_ours:
            yield folder
        else:
            folder.unlock()


def try_lock(folder: SessionFolder) -> bool:
    """Whether the session is ours now: False while the process that writes it lives, or another one sends it."""
    from .reading.rounds import find_end  # a training script that starts reads no journal

    return folder.try_lock(find_end)


def _named(root: Path, follows_links: bool) -> Iterator[Path]:
    """What may be a session. Raises FileNotFoundError, NotADirectoryError."""
    if follows_links or not root.is_symlink():
        for path in root.iterdir():
            if not path.name.startswith(".") and (follows_links or _is_plain(path)):
                yield path


def _is_plain(session: Path) -> bool:
    """A folder with nothing but plain files in it."""
    try:
        with os.scandir(session) as entries:
            return not session.is_symlink() and all(one.is_file(follow_symlinks=False) for one in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:  # another user's, and for their eyes only: nothing in it can be opened
        return not session.is_symlink() and _is_shut(session)


def _is_shut(folder: Path) -> bool:
    try:
        (folder / "lock").lstat()
    except OSError as error:
        return isinstance(error, PermissionError)
    return False


def _clear_what_kills_left(root: Path) -> None:
    """Sessions that were removed, or not yet made, when their process was killed."""
    with contextlib.suppress(FileNotFoundError):
        for path in root.iterdir():
            name = path.name
            with contextlib.suppress(FileNotFoundError):
                old = name.startswith(MAKING) and time.time() - path.stat().st_mtime > MAKING_KEPT_S
                if old or name.startswith(GONE):
                    remove_tree(path)


def _is_live(session: Path, for_people: bool) -> bool:
    try:
        if has_heartbeat(session):
            return is_beating(session) if for_people else is_living(session)
        descriptor = os.open(session / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:  # another user's, and for their eyes only: it is there, more can't be told
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # also of a copy that a child has which was forked in this moment
        return False
    finally:
        os.close(descriptor)
