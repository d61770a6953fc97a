"""A size follows from a workload by numbers that are what they say they are."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from mldash.events.limits import RECORD_EVENTS
from mldash.process.environment import list_settings
from mldash_api.settings import ApiSettings
from mldash_deploy.sizing.constants import CONSTANTS
from mldash_deploy.sizing.sizing import Workload, encoded_bytes, size
from mldash_ingest.documents.buckets import CHUNK

RESULTS: Final = Path(__file__).parents[4] / "benchmarks" / "results"
NUMBERS: Final = {one.name: one.value for one in CONSTANTS}


def measured(benchmark: str, case: str) -> float:
    cases: list[dict[str, Any]] = json.loads((RESULTS / f"{benchmark}.json").read_text())["cases"]
    (value,) = [float(one["value"]) for one in cases if one["name"] == case]
    return value


def sized(workload: Workload, **changed: float) -> dict[str, float]:
    return {line.name: line.value for line in size(workload, changed)}


def workload(**given: Any) -> Workload:
    return Workload(**{"processes": 100, "rate": 50.0, "experiments": 10, **given})


def test_measured_constants_are_those_of_the_benchmarks() -> None:
    """Within half: results are taken anew now and then, on machines that differ."""
    few, metrics = 1_000 / measured("ingest", "few"), 500 / measured("ingest", "metrics")
    point_us = (few - metrics) / 500 * 1e6
    record_us = 20 / measured("ingest", "streams") * 1e6 - 20 * point_us
    waits = (
        measured("end_to_end", "steady, cores of worker-1") - measured("end_to_end", "steady, logged") * point_us / 1e6
    )
    found = {
        "worker_point_us": point_us,
        "worker_record_us": record_us,
        "worker_waits_cores": waits,
        "compactor_points": measured("compaction", "move"),
        "chunk_value_bytes": measured("compaction", "bytes a point in S3") / 6,
        "shard_inserts": measured("ingest", "streams, bare insert_many") / 20 / 2,
    }
    said = {one.name for one in CONSTANTS if one.source.startswith("measured")}
    assert said == set(found)
    for name, value in found.items():
        assert NUMBERS[name] == pytest.approx(value, rel=0.5), name


def test_constants_that_are_set_elsewhere_are_those_of_the_code() -> None:
    settings = {one.name: one.default for one in list_settings(ApiSettings, "api")}
    assert NUMBERS["turn_s"] == settings["linger_max_s"]
    assert NUMBERS["record_points"] == RECORD_EVENTS and NUMBERS["chunk_points"] == CHUNK
    assert all(
        one.source.partition(":")[0] in ("documented", "set", "measured", "assumed", "listed") for one in CONSTANTS
    )
    assert len(NUMBERS) == len(CONSTANTS)


def test_a_point_that_comes_seldom_is_a_record_and_many_share_one() -> None:
    assert sized(workload(rate=1.0))["records_s"] == 100
    assert sized(workload(rate=50.0))["records_s"] == 200, "two turns a second"
    assert sized(workload(rate=50.0, metrics=10))["records_s"] == 2_000
    assert sized(workload(rate=100_000.0))["records_s"] == 100 * 100_000 / RECORD_EVENTS


def test_kafka_grows_with_the_load_its_copies_and_how_long_they_are_kept() -> None:
    one, longer = sized(workload()), sized(workload(retention_days=14.0, replication=1))
    assert sized(workload(processes=200))["bytes_s"] == pytest.approx(2 * one["bytes_s"])
    assert longer["disk_bytes"] == pytest.approx(one["disk_bytes"] * 2 / 3)
    assert one["brokers"] == 3 and longer["brokers"] == 1
    assert one["disk_bytes"] == pytest.approx(one["bytes_s"] * 7 * 86_400 * 3)


def test_brokers_hold_what_is_kept_and_partitions_are_spread_evenly_over_them() -> None:
    found = sized(workload(processes=10_000, rate=100.0))
    assert found["points_s"] == 1_000_000
    assert found["brokers"] * NUMBERS["broker_tb"] * 1e12 * 0.7 >= found["disk_bytes"]
    assert found["partitions"] % found["brokers"] == 0
    assert found["partitions"] >= found["workers"] * NUMBERS["partitions_a_worker"]
    assert (
        found["workers"] * NUMBERS["worker_share"]
        >= (found["records_s"] * NUMBERS["worker_record_us"] + found["points_s"] * NUMBERS["worker_point_us"]) / 1e6
    )


def test_s3_is_asked_by_chunks_and_by_what_they_are_joined_to() -> None:
    found = sized(workload(processes=10_000, rate=100.0))
    assert (found["puts_s"], found["gets_s"]) == pytest.approx((101.0, 201.0))
    month = 30 * 86_400 / 1_000
    assert found["requests_usd"] == pytest.approx(month * (101 * 0.005 + 201 * 0.0004))
    assert found["storage_usd"] == pytest.approx(found["bytes"] / 1e9 * 0.023)


def test_a_constant_of_ones_own_counts() -> None:
    big = workload(processes=10_000, rate=100.0)
    assert sized(big, broker_tb=20.0)["brokers"] < sized(big)["brokers"]
    assert (sized(big)["records_s"], sized(big, turn_s=1.0)["records_s"]) == (20_000, 10_000)


def test_bytes_are_those_of_records_as_they_are_encoded() -> None:
    """A point of four floats is five numbers of eight bytes, and a record has a head."""
    head = encoded_bytes(1, 4)
    assert 40 * 1_000 < encoded_bytes(1_000, 4) < 40 * 1_000 + 2 * head
    assert 150 < head < 500


def test_the_command_says_it_to_people_and_programs() -> None:
    command = [sys.executable, "-P", "-m", "mldash", "size", "--processes", "10000", "--rate", "100"]
    said = subprocess.run([*command, "--constants"], capture_output=True, text=True, check=True).stdout
    assert "1 M points/s" in said and all(one.name in said for one in CONSTANTS)
    found = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert {one["name"]: one["value"] for one in found["sizes"]} == sized(
        workload(processes=10_000, rate=100.0, experiments=10_000)
    )
    refused = subprocess.run([*command, "--set", "broker_gb=1"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "there is no constant 'broker_gb'" in refused.stderr
