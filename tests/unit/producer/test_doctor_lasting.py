"""Disks that vanish with the job, by the lines that kernels give of them."""

import tempfile
from pathlib import Path

import pytest

from mldash.doctor.lasting import look_at_lasting, why_it_vanishes
from mldash.settings import SdkSettings

DISK = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
TMPFS = "40 22 0:36 / /tmp rw,nosuid,nodev - tmpfs tmpfs rw,size=8G\n"
SYSTEMD = (
    "41 22 254:0 /var/tmp/systemd-private-6c-train.service-Ab/tmp /var/tmp rw,relatime shared:2 - ext4 /dev/vda rw\n"
)
SLURM = "42 22 254:0 /var/nvme/77/.77 /tmp rw,relatime - xfs /dev/nvme0n1 rw\n"
POD = "50 1 0:80 / / rw,relatime - overlay overlay rw,lowerdir=/l\n"
EMPTY_DIR = (
    "51 50 254:0 /var/lib/kubelet/pods/5b1e/volumes/kubernetes.io~empty-dir/scratch /journal rw,relatime - ext4 "
    "/dev/vda rw\n"
)
MEMORY_DIR = "52 50 0:90 / /journal rw,relatime - tmpfs tmpfs rw,size=1G\n"
HOST_PATH = "53 50 254:0 /var/lib/mldash /journal rw,relatime - ext4 /dev/vda rw\n"
BLANK = "54 50 0:91 / /run/a\\040b rw - tmpfs tmpfs rw\n"
IN_POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}


@pytest.mark.parametrize(
    ("path", "mounts", "environment", "said"),
    [
        ("/tmp/mldash-1", DISK + TMPFS, {}, "in memory (tmpfs)"),
        ("/run/a b/j", POD + BLANK, {}, "in memory (tmpfs)"),
        ("/var/tmp/mldash-1", DISK + SYSTEMD, {}, "a private /var/tmp (bound from /var/tmp/systemd-private-"),
        ("/tmp/mldash-1", DISK + SLURM, {}, "a private /tmp (bound from /var/nvme/77/.77)"),
        ("/journal/mldash-1", POD + EMPTY_DIR, IN_POD, "an emptyDir"),
        ("/journal/mldash-1", POD + MEMORY_DIR, IN_POD, "in memory (tmpfs)"),
        ("/var/tmp/mldash-1", POD + EMPTY_DIR, IN_POD, "the container's own layer"),
    ],
)
def test_a_disk_that_vanishes_is_told_with_why(path: str, mounts: str, environment: dict[str, str], said: str) -> None:
    told = why_it_vanishes(Path(path), mounts, environment)
    assert told is not None and said in told and told.startswith(path)


@pytest.mark.parametrize(
    ("path", "mounts", "environment"),
    [
        ("/var/tmp/mldash-1", DISK + TMPFS, {}),
        ("/journal/mldash-1", POD + HOST_PATH, IN_POD),
        ("/var/tmp/mldash-1", POD, {}),
        ("/var/tmp/mldash-1", "", {}),
    ],
)
def test_a_disk_that_stays_is_no_warning(path: str, mounts: str, environment: dict[str, str]) -> None:
    assert why_it_vanishes(Path(path), mounts, environment) is None


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="this system has no /dev/shm")
def test_a_journal_in_memory_is_warned_of_with_what_to_do() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        (found,) = look_at_lasting(SdkSettings(journal=folder))
    assert (found.what, found.state) == ("journal lasts", "warning")
    assert "MLDASH_JOURNAL" in found.advice and "mldash sync" in found.advice and "docs/clusters.md" in found.advice
