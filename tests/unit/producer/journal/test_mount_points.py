"""Mount points of any name are found: the kernel writes them as bytes, with five characters escaped."""

import os
from pathlib import Path

import pytest

from mldash.journal.placement import file_system_of

NAMES = {
    "plain": b"plain",
    "with space": b"with\\040space",
    "tab\tand newline\n": b"tab\\011and\\040newline\\012",
    "back\\slash": b"back\\134slash",
    "Übung 数据": "Übung".encode() + b"\\040" + "数据".encode(),
    "é\udcff": "é".encode() + b"\xff",  # not all of a path is UTF-8
    "\\040 itself": b"\\134040\\040itself",
}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_network_mount_of_any_name_is_recognised(name: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    point = os.fsencode(os.path.realpath(tmp_path)) + b"/" + NAMES[name]
    mounts.write_bytes(b"/dev/root / ext4 rw 0 0\nserver:/export " + point + b" nfs4 rw,vers=4.2 0 0\n")
    assert file_system_of(tmp_path / name / "below", mounts) == "nfs4"
    assert file_system_of(tmp_path / name, mounts) == "nfs4"
    assert file_system_of(tmp_path / (name + "x"), mounts) == "ext4"


def test_every_mount_point_of_this_host_is_found_with_its_own_type() -> None:
    """The kernel's own file, where the last mount on a place counts."""
    found = dict[str, str]()
    for line in os.fsdecode(Path("/proc/self/mounts").read_bytes()).splitlines():
        _, point, kind, *_ = line.split(" ")
        found[point] = kind
    plain = {point: kind for point, kind in found.items() if "\\" not in point and os.path.realpath(point) == point}
    assert plain
    assert {point: file_system_of(Path(point)) for point in plain} == plain
