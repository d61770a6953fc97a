"""The disk for the journal, and the part of it that the journal may take.

Remote and offline: MLDASH_JOURNAL, else mldash-{uid} in /var/tmp, which outlives a reboot, or in /tmp: the first that
is on a disk of the host's; where neither is (a host without disks), in /var/tmp all the same. The folder belongs to
this user alone (0700): whoever may write there could send events in the user's name.
"""

import os
import re
import stat
from pathlib import Path
from typing import Final

from mldash.errors import JournalUnwritable

_DEFAULT_LIMIT_BYTES: Final = 10 * 10**9
_NETWORK_FILE_SYSTEMS: Final = frozenset(
    (
        *(
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "smbfs",
            "lustre",
            "ceph",
            "gpfs",
            "beegfs",
            "afs",
            "9p",
            "glusterfs",
            "panfs",
        ),
        *("orangefs", "wekafs", "virtiofs", "fuse.sshfs", "fuse.glusterfs", "fuse.cephfs", "fuse.s3fs", "fuse.gcsfuse"),
        "fuse.juicefs",
    )
)
_COPY_ON_WRITE_FILE_SYSTEMS: Final = frozenset(("btrfs", "zfs", "bcachefs"))
_NOT_A_DISK: Final = _NETWORK_FILE_SYSTEMS | {"tmpfs", "ramfs"}
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
"""The kernel writes space, tab, newline, backslash and # of a mount point so, and nothing else."""

_DEFAULT_FOLDERS: Final = (Path("/var/tmp"), Path("/tmp"))


def journal_root(named: str | None) -> Path:
    """The folder of remote and offline journals; made where it is missing. Raises JournalUnwritable."""
    path = (Path(named).expanduser() if named else _default_root()).absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat() if not named else path.stat()
    except OSError as error:
        raise JournalUnwritable(str(path), error.strerror or str(error)) from error
    if not stat.S_ISDIR(found.st_mode):
        raise JournalUnwritable(str(path), "it is no folder")
    if found.st_uid != os.getuid():
        raise JournalUnwritable(str(path), "it belongs to another user")
    if not named and stat.S_IMODE(found.st_mode) & 0o077:
        path.chmod(0o700)
    if not os.access(path, os.W_OK | os.X_OK):
        raise JournalUnwritable(str(path), "it may not be written")
    return path


def _default_root() -> Path:
    folder = next((one for one in _DEFAULT_FOLDERS if file_system_of(one) not in _NOT_A_DISK), _DEFAULT_FOLDERS[0])
    return folder / f"mldash-{os.getuid()}"


def limit_of(path: Path, given: int | None) -> int:
    """Bytes that one session's journal may take: what is given, else a tenth of the free disk, 10 GB at most."""
    if given is not None:
        return given
    while not path.exists():
        path = path.parent
    return max(4 << 20, min(_DEFAULT_LIMIT_BYTES, _free_bytes(path) // 10))


def _free_bytes(path: Path) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def file_system_of(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system that a path is on; "" where it can't be told."""
    real = os.path.realpath(path)
    best, kind = "", ""
    try:
        # As the system's calls give paths: bytes other than UTF-8 are kept too, and compare equal.
        lines = os.fsdecode(mounts.read_bytes()).split("\n")
    except OSError:
        return ""
    for line in lines:
        parts = line.split(" ")
        point = unescaped(parts[1]) if len(parts) > 2 else ""
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if point and inside and len(point) >= len(best):
            best, kind = point, parts[2]
    return kind


def unescaped(text: str) -> str:
    """A path as the kernel's lists of mounts have it."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 8)), text)


def on_network(path: Path) -> bool:
    """Whether other hosts may have the folder too, and neither maps nor locks are to be relied on."""
    return file_system_of(path) in _NETWORK_FILE_SYSTEMS


def needs_plain_writes(path: Path) -> bool:
    """Whether mapped files are unsafe there: over a network, or where preallocated space may still be missing."""
    return file_system_of(path) in _NETWORK_FILE_SYSTEMS | _COPY_ON_WRITE_FILE_SYSTEMS
