"""Whether the disk under the journal outlives the job: what is not sent when a process is killed waits there.

tmpfs, ramfs   memory: gone with a reboot, of a container with it
emptyDir       of Kubernetes: gone with the pod (but not with a container that is restarted in it)
overlay        of a container in a pod: gone with the container
private /tmp   of a job (Slurm's job_container/tmpfs) or a service (systemd's PrivateTmp): a folder of another disk,
               bound to /tmp or /var/tmp; gone with the job
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from mldash.errors import JournalUnwritable
from mldash.journal.placement import journal_root, unescaped
from mldash.settings import SdkSettings

from .finding import Finding

_MEMORY: Final = frozenset(("tmpfs", "ramfs"))
_SHARED_FOLDERS: Final = ("/tmp", "/var/tmp", "/dev/shm")
_WAYS: Final = "docs/clusters.md, Journals, has the mount, the epilog and the line"


class _Mount(NamedTuple):
    """A line of /proc/self/mountinfo: which folder of its file system is to be seen at which point."""

    folder: str
    point: str
    kind: str


def look_at_lasting(settings: SdkSettings) -> Iterator[Finding]:
    """Nothing where no journal can be kept, or where the system does not tell."""
    try:
        path = journal_root(settings.journal)
        lines = os.fsdecode(Path("/proc/self/mountinfo").read_bytes())
    except (JournalUnwritable, OSError):
        return
    said = why_it_vanishes(path, lines, os.environ)
    if said is None:
        yield Finding("journal lasts", "ok", "its disk outlives this job, as far as the system tells")
        return
    advice = (
        "set MLDASH_JOURNAL to a folder on a disk that stays, or send what is left before the job's end: "
        f"mldash sync. {_WAYS}"
    )
    yield Finding("journal lasts", "warning", said, advice)


def why_it_vanishes(path: Path, mountinfo: str, environment: Mapping[str, str]) -> str | None:
    """In words; None where the disk stays, as far as the kernel's list of mounts tells."""
    mount = _mount_of(os.path.realpath(path), mountinfo)
    if mount is None:
        return None
    if "/volumes/kubernetes.io~empty-dir/" in mount.folder:
        return f"{path} is on an emptyDir: it is gone with the pod"
    if mount.kind in _MEMORY:
        return f"{path} is in memory ({mount.kind}): it is gone with a reboot, and of a container or job with that"
    if mount.kind == "overlay" and "KUBERNETES_SERVICE_HOST" in environment:
        return f"{path} is in the container's own layer: it is gone with the container, at its next restart too"
    if mount.point in _SHARED_FOLDERS and mount.folder != "/":
        return f"{path} is on a private {mount.point} (bound from {mount.folder}): it is gone with the job or service"
    return None


def _mount_of(real: str, mountinfo: str) -> _Mount | None:
    best = None
    for line in mountinfo.split("\n"):
        before, _, after = line.partition(" - ")
        parts, kinds = before.split(" "), after.split(" ")
        if len(parts) < 5:
            continue
        mount = _Mount(unescaped(parts[3]), unescaped(parts[4]), kinds[0])
        inside = real == mount.point or real.startswith(mount.point.rstrip("/") + "/")
        if inside and (best is None or len(mount.point) >= len(best.point)):
            best = mount
    return best
