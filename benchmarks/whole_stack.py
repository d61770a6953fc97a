"""The whole pipeline on this machine (`mldash up`), and what can be seen of it from outside while it works."""

import json
from collections.abc import Mapping
from typing import Any

import psutil
from msgspec import Struct

from mldash_deploy.stack.data_folder import DataFolder

from .pipeline import reading
from .stack import mldash


class WholeStack(Struct, frozen=True):
    """A running stack in the folder `data`: Kafka, mongod, S3, one worker, one compactor, the API."""

    data: str
    api: str
    worker_port: int
    pids: Mapping[str, int]

    def points_stored(self) -> int:
        """Since the worker began."""
        return int(reading(self.worker_port, "mldash_worker_events_stored_total", 'kind="metrics"'))

    def lag_records(self) -> int:
        """Records in Kafka that are not stored, over all partitions, as the worker says."""
        return int(reading(self.worker_port, "mldash_worker_lag_records"))

    def resident_bytes(self, name: str) -> int:
        return int(psutil.Process(self.pids[name]).memory_info().rss)


def look_at(data: str) -> WholeStack:
    """The stack that runs on this folder."""
    status: dict[str, Any] = json.loads(mldash("status", "--json", "--data", data))
    pids = {one["name"]: one["pid"] for one in status["processes"]}
    return WholeStack(data, status["addresses"]["api"], DataFolder(data).read_ports()["worker-1"], pids)


def cpu_seconds(pid: int) -> float:
    """Of a process with what it started."""
    own = psutil.Process(pid)
    times = [one.cpu_times() for one in (own, *own.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))
