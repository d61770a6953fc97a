"""The identity of a process, by which another one, perhaps on another host, can tell whether it is gone."""

import os
import sys
from pathlib import Path

from msgspec import Struct


class Process(Struct, frozen=True):
    """One process of one boot of one host. Pids come again, so its start counts too."""

    host: str
    pid: int
    started: str
    """Clock ticks since the boot; "" where that can't be told."""


def host_id() -> str:
    """The boot of this machine and the space of its pids; containers of one host have one boot and many such spaces.
    "" where neither can be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def this_process() -> Process:
    pid = os.getpid()
    return Process(host_id(), pid, _started(pid))


def is_gone(process: Process) -> bool:
    """Whether it is certain: it ran on this host and does so no more. Of another host's process nothing is known."""
    if not process.host or process.host != host_id():
        return False
    try:
        os.kill(process.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it is another user's, and there
        pass
    started = _started(process.pid)
    return bool(started and process.started and started != process.started)


def _started(pid: int) -> str:
    """Field 22 of /proc/…/stat; the name before it may hold spaces and parentheses. A zombie has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "ended" if fields[0] == "Z" else fields[19]


def is_daemonic_child() -> bool:
    """Whether this process is a worker of multiprocessing that its parent ends when it pleases."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and bool(process.current_process().daemon)
