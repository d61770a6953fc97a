"""How far `mldash size` agrees with what really goes to Kafka: `python -m benchmarks.size`.

Four processes log points of four fields into the same four metrics of one experiment, at a pace; a stack of its own,
all on this machine. Bare is what `mldash size` says of that workload. Measured are the records that come to the topic,
and the bytes of its log files, which are what the retention keeps: said is an upper bound of these, for random numbers.
"""

import argparse
import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer

from mldash.connections.topic_reading import partitions_of
from mldash.events.topics import event_topic
from mldash_deploy.sizing.sizing import Workload, size

from .case import Case, at_most
from .emitters import EMITTERS, STREAMS, emitting
from .stack import mldash, running_stack
from .table import write
from .whole_stack import look_at

PACES: Final = (40, 400, 4_000, 40_000)
_TOPIC: Final = event_topic("mldash", "metrics")
_WARM_UP_S: Final = 5.0


def measure(data: str, pace: float, seconds: float) -> dict[str, float]:
    """Records and bytes a second."""
    stack, kafka = look_at(data), _kafka_of(data)
    with emitting(f"bench/size/run-{pace}", stack.api, str(Path(data, "journal").absolute()), pace) as emitters:
        time.sleep(_WARM_UP_S)
        logged, records, size_bytes, begun = emitters.logged(), _records(kafka), _bytes(data), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - begun
        found = {
            "points_s": (emitters.logged() - logged) / took,
            "records_s": (_records(kafka) - records) / took,
            "bytes_s": (_bytes(data) - size_bytes) / took,
        }
        emitters.finish()
    return found


def said_of(points_a_second: float) -> Mapping[str, float]:
    workload = Workload(
        processes=EMITTERS, rate=points_a_second / EMITTERS, experiments=1, metrics=len(STREAMS), fields=4
    )
    return {line.name: line.value for line in size(workload)}


def _kafka_of(data: str) -> str:
    words = dict(
        line.removeprefix("export ").split("=", 1) for line in mldash("env", "--data", data).splitlines() if "=" in line
    )
    return words["MLDASH_KAFKA"].strip("'\"")


def _records(kafka: str) -> int:
    async def ends() -> int:
        async with AIOKafkaConsumer(bootstrap_servers=kafka) as consumer:
            offsets: dict[Any, int] = await consumer.end_offsets(await partitions_of(consumer, [_TOPIC]))
            return sum(offsets.values())

    return asyncio.run(ends())


def _bytes(data: str) -> int:
    """Kafka makes its logs as long as what is in them."""
    return sum(path.stat().st_size for path in Path(data, "kafka", "data").glob(f"{_TOPIC}-*/*.log"))


def cases_of(pace: float, found: Mapping[str, float]) -> list[Case]:
    said = said_of(found["points_s"])
    return [
        at_most(f"{pace:,.0f} points/s, records", found["records_s"], "records/s", said["records_s"], 1.2),
        at_most(f"{pace:,.0f} points/s, bytes", found["bytes_s"], "bytes/s", said["bytes_s"], 1.2),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each pace")
    arguments = parser.parse_args()
    with running_stack(arguments.data) as data:
        for pace in PACES:
            write("size", cases_of(pace, measure(data, pace, arguments.seconds)))


if __name__ == "__main__":
    main()
