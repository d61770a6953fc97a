"""The load of the host: from what /proc, /sys and nvidia-smi say, and only of what there is."""

import threading
from pathlib import Path

import pytest

from mldash.callbacks import MldashWarning
from mldash.capture.system_metrics import (
    LOCAL_RANK_VARIABLES,
    Counters,
    Gpus,
    SystemMetrics,
    fields_of_smi,
    is_first_of_host,
    rates,
    read_counters,
    read_levels,
)

SMI = "0, 37, 1024, 4096, 61, 98.50\n1, [N/A], 0, 4096, 30, [Not Supported]\n"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_this_host_tells_its_load() -> None:
    first = second = read_counters()
    while second.cpu == first.cpu:  # the kernel counts in ticks
        second = read_counters()
    fields = {**rates(first, second), **read_levels()}
    assert {"cpu.percent", "memory.percent", "process.cpu_percent", "process.memory_bytes"} <= fields.keys()
    assert 0 <= fields["cpu.percent"] <= 100
    assert 0 < fields["memory.percent"] <= 100
    assert fields["network.received_bytes_per_s"] >= 0


def test_rates_are_what_grew_by_the_second() -> None:
    before = Counters(10.0, 1.0, (100, 400), (1_000, 5_000), (7, 7))
    now = Counters(12.0, 4.0, (150, 600), (3_000, 5_000), (3, 9))
    assert rates(before, now) == {
        "process.cpu_percent": 150.0,
        "cpu.percent": 25.0,
        "disk.read_bytes_per_s": 1_000.0,
        "disk.written_bytes_per_s": 0.0,
        "network.received_bytes_per_s": 0.0,  # an interface went: its counter began again
        "network.sent_bytes_per_s": 1.0,
    }
    nothing = Counters(12.0, 4.0, None, None, None)
    assert rates(before, nothing) == {"process.cpu_percent": 150.0}


def test_disks_are_counted_whole_and_the_loopback_not(tmp_path: Path) -> None:
    rows = [
        "8 0 sda 1 0 10 0 2 0 20 0 0 0 0",
        "8 1 sda1 1 0 10 0 2 0 20 0 0 0 0",
        "7 0 loop0 1 0 99 0 2 0 99 0 0 0 0",
    ]
    interfaces = [
        "Inter-| Receive",
        " face |bytes",
        "    lo: 9 0 0 0 0 0 0 0 9 0",
        "  eth0: 5 0 0 0 0 0 0 0 6 0",
        "eth1:1 0 0 0 0 0 0 0 2 0",
    ]
    write(
        tmp_path,
        {
            "proc/diskstats": "\n".join(rows),
            "proc/net/dev": "\n".join(interfaces),
            "proc/stat": "cpu 1 2 3 10 5 0 1 0 0 0",
        },
    )
    for name in ("sda", "loop0"):
        (tmp_path / "block" / name).mkdir(parents=True)
    counters = read_counters(tmp_path / "proc", tmp_path / "block")
    assert (counters.disk_bytes, counters.network_bytes, counters.cpu) == ((10 * 512, 20 * 512), (6, 8), (7, 22))


def test_a_container_with_a_limit_is_its_own_whole(tmp_path: Path) -> None:
    write(tmp_path, {"proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 400 kB\n", "proc/self/statm": "9 2 1"})
    host = read_levels(tmp_path / "proc", tmp_path / "none")
    assert (host["memory.used_bytes"], host["memory.percent"]) == (600 * 1024, 60.0)
    limits = {"memory.max": "204800\n", "memory.current": "110000\n", "memory.stat": "anon 1\ninactive_file 7600\n"}
    container = read_levels(tmp_path / "proc", write(tmp_path / "cgroup", limits))
    assert (container["memory.used_bytes"], container["memory.percent"]) == (102_400, 50.0)
    unlimited = read_levels(tmp_path / "proc", write(tmp_path / "cgroup", {"memory.max": "max\n"}))
    assert unlimited["memory.percent"] == 60.0


def test_what_a_host_has_not_is_absent(tmp_path: Path) -> None:
    counters = read_counters(tmp_path, tmp_path)
    assert (counters.cpu, counters.disk_bytes, counters.network_bytes) == (None, None, None)
    assert set(read_levels(tmp_path, tmp_path)) <= {"disk.used_percent"}
    assert Gpus(tmp_path).read() == {}


def test_cards_of_nvidia_tell_what_they_can() -> None:
    assert fields_of_smi(SMI) == {
        "gpu.0.percent": 37.0,
        "gpu.0.memory_bytes": 1024.0 * (1 << 20),
        "gpu.0.memory_percent": 25.0,
        "gpu.0.temperature_c": 61.0,
        "gpu.0.power_w": 98.5,
        "gpu.1.memory_bytes": 0.0,
        "gpu.1.memory_percent": 0.0,
        "gpu.1.temperature_c": 30.0,
    }
    with pytest.raises(ValueError):
        fields_of_smi("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.")


def test_a_tool_that_fails_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smi = tmp_path / "nvidia-smi"
    smi.write_text(f"#!/bin/sh\necho asked >> {tmp_path}/asked\ncat {tmp_path}/answer\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "answer").write_text(SMI)
    gpus = Gpus(tmp_path)
    assert gpus.read()["gpu.0.power_w"] == 98.5
    (tmp_path / "answer").unlink()
    assert gpus.read() == gpus.read() == {}
    assert (tmp_path / "asked").read_text() == "asked\n" * 2


def test_cards_of_amd_tell_by_files(tmp_path: Path) -> None:
    device = {"gpu_busy_percent": "12\n", "mem_info_vram_used": "512\n", "mem_info_vram_total": "1024\n"}
    write(tmp_path / "card1" / "device", device)
    (tmp_path / "card1-DP-1").mkdir()
    assert Gpus(tmp_path).read() == {"gpu.0.percent": 12.0, "gpu.0.memory_bytes": 512.0, "gpu.0.memory_percent": 50.0}


@pytest.mark.parametrize("variable", LOCAL_RANK_VARIABLES)
def test_one_process_of_a_host_samples(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in LOCAL_RANK_VARIABLES:
        monkeypatch.delenv(one, raising=False)
    assert is_first_of_host()
    monkeypatch.setenv(variable, "0")
    assert is_first_of_host()
    monkeypatch.setenv(variable, "3")
    assert not is_first_of_host()


def test_a_point_comes_every_interval_and_one_at_the_end() -> None:
    points: list[dict[str, float]] = []
    enough = threading.Event()

    def log(fields: dict[str, float]) -> None:
        points.append(fields)
        if len(points) == 3:
            enough.set()

    metrics = SystemMetrics(log, 0.01)
    metrics.start()
    assert enough.wait(20)
    metrics.stop()
    count = len(points)
    slow = SystemMetrics(points.append, 3_600)
    slow.start()
    slow.stop()
    assert len(points) == count + 1


def test_a_journal_that_is_full_ends_it_with_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    def refuse(fields: dict[str, float]) -> None:
        raise OSError("full")

    metrics = SystemMetrics(refuse, 3_600)
    metrics.start()
    metrics.stop()
    (told,) = [one for one in recwarn if one.category is MldashWarning]
    assert "full" in str(told.message)
