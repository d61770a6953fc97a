"""The host's load while a run is open, as a metric of its own: `system/{host}`, a point every so many seconds.

    cpu.percent                       of all cores together
    memory.used_bytes memory.percent  of the host, or of the container where that is limited
    process.cpu_percent               of one core: 400 is four of them
    process.memory_bytes              resident
    disk.used_percent                 of the file system of the working folder
    disk.read_bytes_per_s disk.written_bytes_per_s                 over all disks of the host
    network.received_bytes_per_s network.sent_bytes_per_s          over all interfaces but the loopback
    gpu.N.percent gpu.N.memory_bytes gpu.N.memory_percent gpu.N.temperature_c gpu.N.power_w

From /proc and /sys, and of NVIDIA's cards from nvidia-smi; what a host has not is absent. Of the processes that a
launcher starts on one host the first one samples (LOCAL_RANK, SLURM_LOCALID, … is 0 or unset).
"""

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, process_time
from typing import Final

from msgspec import Struct

from mldash.process import threads
from mldash.process.attempts import Attempts
from mldash.process.locks import Flag

LOCAL_RANK_VARIABLES: Final = ("LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID")

_SECTOR_BYTES: Final = 512
_NO_DISKS: Final = ("loop", "ram", "zram", "dm-", "md", "sr", "fd")
_SMI_TIMEOUT_S: Final = 5.0
_SMI_FIELDS: Final = ("percent", "memory_bytes", "memory_total", "temperature_c", "power_w")
_SMI_QUERY: Final = "index,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw"

Fields = dict[str, float]


class Counters(Struct, frozen=True):
    """Counters that only grow; two looks give rates. None: the host does not say."""

    at: float
    process_s: float
    cpu: tuple[float, float] | None
    """Busy and all, in ticks over all cores."""
    disk_bytes: tuple[int, int] | None
    """Read and written."""
    network_bytes: tuple[int, int] | None
    """Received and sent."""


class SystemMetrics:
    """Gives `log` the fields of a point every `interval_s` seconds, on a thread of its own, and once at the end."""

    def __init__(self, log: Callable[[Fields], None], interval_s: float) -> None:
        self._log, self._interval_s = log, interval_s
        self._stopping = Flag()
        self._thread = threading.Thread(target=self._run, name="mldash-system", daemon=True)

    def start(self) -> None:
        threads.begin(self._thread)

    def stop(self) -> None:
        """Within the time that nvidia-smi may take. In a forked child, where the thread is not, it does nothing."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():  # a finaliser may end a run
            self._thread.join(2 * _SMI_TIMEOUT_S)

    def _run(self) -> None:
        # Where it fails, for the journal is full, say, that point is missing: the load of the host is not worth a run.
        attempts, self._before, gpus = Attempts("recording the load of this host"), read_counters(), Gpus()
        stopping = False
        while not stopping:
            stopping = self._stopping.wait(self._interval_s)
            attempts.attempt(lambda: self._sample(gpus))

    def _sample(self, gpus: "Gpus") -> None:
        before, self._before = self._before, read_counters()
        self._log({**rates(before, self._before), **read_levels(), **gpus.read()})


def is_first_of_host() -> bool:
    """Whether no other process of the same launcher on this host samples."""
    return all(os.environ.get(variable, "0") in ("", "0") for variable in LOCAL_RANK_VARIABLES)


def rates(before: Counters, now: Counters) -> Fields:
    """The rates between two looks."""
    seconds = max(now.at - before.at, 1e-6)
    fields = {"process.cpu_percent": 100 * (now.process_s - before.process_s) / seconds}
    if before.cpu and now.cpu and now.cpu[1] > before.cpu[1]:
        fields["cpu.percent"] = 100 * (now.cpu[0] - before.cpu[0]) / (now.cpu[1] - before.cpu[1])
    for names, first, last in (
        (("disk.read_bytes_per_s", "disk.written_bytes_per_s"), before.disk_bytes, now.disk_bytes),
        (("network.received_bytes_per_s", "network.sent_bytes_per_s"), before.network_bytes, now.network_bytes),
    ):
        if first and last:
            # A counter may begin again, as that of an interface that went and came.
            fields.update({name: max(0, b - a) / seconds for name, a, b in zip(names, first, last, strict=True)})
    return fields


def read_counters(proc: Path = Path("/proc"), blocks: Path = Path("/sys/block")) -> Counters:
    return Counters(monotonic(), process_time(), _cpu(proc), _disks(proc, blocks), _network(proc))


def read_levels(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> Fields:
    """The use at this moment."""
    fields: Fields = {}
    with contextlib.suppress(OSError, ValueError, KeyError):
        used, total = _memory(proc, cgroup)
        fields |= {"memory.used_bytes": used, "memory.percent": 100 * used / total}
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int((proc / "self" / "statm").read_text().split()[1])
        fields["process.memory_bytes"] = pages * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError):
        disk = shutil.disk_usage(".")
        fields["disk.used_percent"] = 100 * disk.used / max(1, disk.used + disk.free)
    return fields


def _cpu(proc: Path) -> tuple[float, float] | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        # user nice system idle iowait irq softirq steal; guests are in user already
        ticks = [int(part) for part in (proc / "stat").read_text().split("\n", 1)[0].split()[1:9]]
        return sum(ticks) - ticks[3] - ticks[4], sum(ticks)
    return None


def _memory(proc: Path, cgroup: Path) -> tuple[int, int]:
    """Used and in all, in bytes: of the container where it has less than the host."""
    lines = (line.split() for line in (proc / "meminfo").read_text().splitlines())
    kilobytes = {parts[0].rstrip(":"): int(parts[1]) for parts in lines if len(parts) > 1}
    used, total = (kilobytes["MemTotal"] - kilobytes["MemAvailable"]) * 1024, kilobytes["MemTotal"] * 1024
    with contextlib.suppress(OSError, ValueError, KeyError):
        limit = int((cgroup / "memory.max").read_text())
        if limit < total:
            told = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
            return int((cgroup / "memory.current").read_text()) - int(told["inactive_file"]), limit
    return used, total


def _disks(proc: Path, blocks: Path) -> tuple[int, int] | None:
    """Bytes read and written, of whole disks: partitions and what lies upon disks would count them twice."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        whole = {path.name for path in blocks.iterdir() if not path.name.startswith(_NO_DISKS)}
        rows = [line.split() for line in (proc / "diskstats").read_text().splitlines()]
        found = [(int(row[5]), int(row[9])) for row in rows if row[2] in whole]
        return sum(read for read, _ in found) * _SECTOR_BYTES, sum(wrote for _, wrote in found) * _SECTOR_BYTES
    return None


def _network(proc: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = (line.partition(":") for line in (proc / "net" / "dev").read_text().splitlines())
        found = [counts.split() for name, colon, counts in lines if colon and name.strip() != "lo"]
        return sum(int(one[0]) for one in found), sum(int(one[8]) for one in found)
    return None


class Gpus:
    """NVIDIA's by nvidia-smi, AMD's by what the driver shows in /sys."""

    def __init__(self, cards: Path = Path("/sys/class/drm")) -> None:
        self._smi = shutil.which("nvidia-smi")
        self._amd = sorted(cards.glob("card[0-9]*/device/gpu_busy_percent"))

    def read(self) -> Fields:
        """Empty where there are none. A tool that has failed is not asked again."""
        fields: Fields = {}
        if self._smi is not None:
            try:
                fields.update(fields_of_smi(self._ask(self._smi)))
            except (OSError, subprocess.SubprocessError, ValueError):
                self._smi = None
        for number, busy in enumerate(self._amd):
            with contextlib.suppress(OSError, ValueError):
                fields.update(_amd_fields(number, busy))
        return fields

    def _ask(self, smi: str) -> str:
        command = [smi, f"--query-gpu={_SMI_QUERY}", "--format=csv,noheader,nounits"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SMI_TIMEOUT_S, check=True)
        return done.stdout


def fields_of_smi(text: str) -> Fields:
    """A line a card; what a card does not tell is "[N/A]". Memory is in MiB. Raises ValueError for another text."""
    fields: Fields = {}
    for line in text.splitlines():
        index, *values = (part.strip() for part in line.split(","))
        told = dict(_numbers(values))
        total = told.pop("memory_total", 0.0)
        if "memory_bytes" in told and total:
            told["memory_percent"] = 100 * told["memory_bytes"] / total
            told["memory_bytes"] *= 1 << 20
        fields.update({f"gpu.{int(index)}.{name}": value for name, value in told.items()})
    return fields


def _numbers(values: list[str]) -> Iterator[tuple[str, float]]:
    for name, value in zip(_SMI_FIELDS, values, strict=True):
        with contextlib.suppress(ValueError):
            yield name, float(value)


def _amd_fields(number: int, busy: Path) -> Fields:
    used, total = (int(busy.with_name(f"mem_info_vram_{what}").read_text()) for what in ("used", "total"))
    return {
        f"gpu.{number}.percent": float(busy.read_text()),
        f"gpu.{number}.memory_bytes": float(used),
        f"gpu.{number}.memory_percent": 100 * used / max(1, total),
    }
