"""This host: the settings, the disk under the journal, what dead processes have left there, and the local root."""

import contextlib
import errno
import fcntl
import mmap
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from mldash.errors import JournalUnwritable
from mldash.events.identity import parse_prefix
from mldash.journal.placement import file_system_of, journal_root, limit_of, needs_plain_writes
from mldash.journal.session_folder import SessionFolder
from mldash.journal.sessions import find_sessions, try_lock
from mldash.mode import mode_of
from mldash.process.environment import Resolved, list_settings
from mldash.session.jobs import with_job
from mldash.settings import SdkSettings

from .finding import Finding, size

_LITTLE_ROOM_BYTES: Final = 1 << 30
_PROBE_BYTES: Final = 1 << 20


def look_at_settings(settings: SdkSettings, resolved: Mapping[str, Resolved]) -> Iterator[Finding]:
    """The mode, and every setting that is not the default, with where it comes from."""
    mode = mode_of(settings)
    where = {"local": f"files below {settings.root}", "remote": f"to {settings.remote or settings.kafka}"}
    if mode == "remote" and not (settings.remote or settings.kafka):
        yield Finding("mode", "problem", "remote, and no address is given", "set MLDASH_REMOTE to the API's address")
    else:
        yield Finding("mode", "ok", f"{mode}{': ' + where[mode] if mode in where else ''}")
    shown = {setting.name: setting.show for setting in list_settings(SdkSettings, "")}
    told = [
        f"{name}={shown[name](one.value)} ({one.source})" for name, one in resolved.items() if one.source != "default"
    ]
    yield Finding("settings", "ok", ", ".join(told) or "all are defaults")
    if settings.prefix:
        try:
            parse_prefix(with_job(settings.prefix, os.environ))
        except ValueError as error:
            yield Finding("prefix", "problem", str(error), "correct MLDASH_PREFIX")


def look_at_journal(settings: SdkSettings) -> Iterator[Finding]:
    """Whether a journal can be kept: the folder, its owner and mode, its disk, its room, maps and locks."""
    try:
        path = journal_root(settings.journal)
    except JournalUnwritable as error:
        yield Finding(
            "journal", "problem", f"{error.folder}: {error.reason}", "set MLDASH_JOURNAL to a folder of yours"
        )
        return
    status = path.stat()
    kind = file_system_of(path) or "unknown file system"
    yield Finding("journal", "ok", f"{path} ({kind}, owner {status.st_uid}, mode {status.st_mode & 0o7777:04o})")
    yield from _room(path, settings)
    if needs_plain_writes(path):
        said = f"{kind} takes plain writes: no maps and no file locks are needed there, and a call costs more"
        yield Finding("journal writes", "warning", said, "set MLDASH_JOURNAL to a folder on a local disk of this host")
    else:
        yield from _probe(path)


def look_at_leftovers(settings: SdkSettings) -> Iterator[Finding]:
    """The unsent events in journals of processes that are gone."""
    try:
        root = journal_root(settings.journal)
    except JournalUnwritable:
        return
    living, dead = 0, []
    for session in find_sessions(root):
        if try_lock(session):
            session.unlock()
            dead.append(session)
        else:
            living += 1
    running = f"; {living} of running processes" if living else ""
    if not dead:
        yield Finding("leftovers", "ok", f"no journal of a dead process{running}")
        return
    oldest = min(session.head.started for session in dead)
    held = sum(map(_held_bytes, dead))
    names = sorted({session.head.prefix for session in dead})
    said = (
        f"{len(dead)} journals of dead or offline processes hold up to {size(held)}, since "
        f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(oldest))}, of {', '.join(names[:3])}"
        f"{f' and {len(names) - 3} more' if len(names) > 3 else ''}{running}"
    )
    yield Finding("leftovers", "warning", said, "send them: mldash sync")


def look_at_root(settings: SdkSettings) -> Iterator[Finding]:
    """Whether local experiments can be written."""
    root = Path(settings.root).expanduser().absolute()
    there = root
    while not there.exists():
        there = there.parent
    if not there.is_dir():
        yield Finding("root", "problem", f"{there} is no folder", "set MLDASH_ROOT to another one")
        return
    kind = file_system_of(there) or "unknown file system"
    try:
        with tempfile.NamedTemporaryFile(dir=there, prefix=".mldash-doctor-") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            said = f"{root} ({kind}) knows no file locks: a lease file takes their place"
            yield Finding("root", "warning", said, "nothing, if writers are few; else MLDASH_ROOT on another disk")
        else:
            advice = "set MLDASH_ROOT to a folder that may be written"
            yield Finding("root", "problem", f"{there} can't be written: {error.strerror}", advice)
        return
    made = "" if root.exists() else f", made in {there} when it is needed"
    yield Finding("root", "ok", f"{root} ({kind}{made})")


def _room(path: Path, settings: SdkSettings) -> Iterator[Finding]:
    usage = shutil.disk_usage(path)
    limit = limit_of(path, settings.journal_bytes)
    inodes = os.statvfs(path)
    said = f"{size(usage.free)} free of {size(usage.total)}; one session's journal may take {size(limit)}"
    if usage.free < _LITTLE_ROOM_BYTES:
        yield Finding("room", "warning", said, "free the disk, or set MLDASH_JOURNAL to a folder on another one")
    elif inodes.f_files and not inodes.f_favail:
        yield Finding("room", "problem", "no inodes are free", "remove files from that disk, or set MLDASH_JOURNAL")
    else:
        yield Finding("room", "ok", said)


def _probe(path: Path) -> Iterator[Finding]:
    """What a session does there: allocate, map, write, lock."""
    made = None
    try:
        descriptor, made = tempfile.mkstemp(dir=path, prefix=".doctor-")
        try:
            yield _try_map(descriptor)
            yield _try_lock(descriptor, made)
        finally:
            os.close(descriptor)
    except OSError as error:
        yield Finding("journal writes", "problem", f"no file can be made: {error.strerror}", "set MLDASH_JOURNAL")
    finally:
        if made is not None:
            with contextlib.suppress(OSError):
                Path(made).unlink()


def _try_map(descriptor: int) -> Finding:
    try:
        os.posix_fallocate(descriptor, 0, _PROBE_BYTES)
        begun = time.perf_counter()
        with mmap.mmap(descriptor, _PROBE_BYTES) as mapped:
            mapped.write(b"x" * _PROBE_BYTES)
            took = time.perf_counter() - begun
            same = os.pread(descriptor, _PROBE_BYTES, 0) == b"x" * _PROBE_BYTES
    except OSError as error:
        return Finding("mapped files", "problem", f"don't work: {error.strerror}", "set MLDASH_JOURNAL to a local disk")
    if not same:
        said = "what is written to a map is not in the file"
        return Finding("mapped files", "problem", said, "set MLDASH_JOURNAL to a local disk")
    return Finding(
        "mapped files", "ok", f"allocated, mapped and read back; {_PROBE_BYTES / took / 1e6:.0f} MB a second"
    )


def _try_lock(descriptor: int, path: str) -> Finding:
    second = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Finding("locks", "ok", "a second one is refused")
    except OSError as error:
        return Finding("locks", "problem", f"don't work: {error.strerror}", "set MLDASH_JOURNAL to a local disk")
    finally:
        os.close(second)
    said = "two processes would hold one lock: the dead could not be told from the living"
    return Finding("locks", "problem", said, "set MLDASH_JOURNAL to a local disk")


def _held_bytes(session: SessionFolder) -> int:
    """Of its segments from the checkpoint on; the last is not full."""
    place = session.checkpoint()
    held = 0
    for number in session.segments():
        if number >= place.segment:
            with contextlib.suppress(FileNotFoundError):  # sent meanwhile
                held += session.segment_path(number).stat().st_size - (place.offset if number == place.segment else 0)
    return held
