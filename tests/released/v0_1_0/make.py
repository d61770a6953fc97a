"""Makes the samples of version 0.1.0, with that version and with nothing of a later one.

    git worktree add /tmp/v0.1.0 c100c97                 # the commit of the tag v0.1.0
    make -C /tmp/v0.1.0 install
    cd /tmp/v0.1.0 && .venv/bin/python WHERE/THIS/LIES/make.py OUT

It starts real servers and the components of 0.1.0, logs what content.py says, kills what is to be killed, and writes
journal.tar.xz, dash.tar.xz, records.jsonl.xz, mongo.tar.xz and objects.tar.xz to OUT.
"""

import asyncio
import base64
import io
import json
import lzma
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent), str(Path.cwd())]  # content.py here, and the tests of 0.1.0

import bson
import content

from mldash import Experiment
from tests.components import free_port

NAME = "released"
UNREACHABLE = "http://127.0.0.1:9"

PARTITIONS = 2


def main(out: Path) -> None:
    assert version("mldash") == "0.1.0"
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        make_journals(work / "journal")
        pack(work / "journal", out / "journal.tar.xz")
        make_dash(work / "dash")
        pack(work / "dash", out / "dash.tar.xz")
        with servers(work / "stack") as environment:
            make_stored(work, environment, out)


# -- journals and a local folder


def make_journals(journal: Path) -> None:
    """offline: ended. network: the same by plain writes. killed: remote, with no server ever there, by SIGKILL."""
    for name, more in (("offline", {}), ("network", {"network_files": True})):
        keywords = {"mode": "offline", "journal": str(journal / name), **more}
        with experiment(f"released/{name}/run", **keywords).run as open_:
            content.log_all(open_)
    run_killed(
        f"experiment = make.experiment('released/vanished/run', remote={UNREACHABLE!r}, kafka='127.0.0.1:9', "
        f"journal={str(journal / 'killed')!r})"
    )


def make_dash(root: Path) -> None:
    """done: ended. killed: with some points that were never drained from its journal, by SIGKILL."""
    with experiment("released/done/run", root=str(root)).run as open_:
        content.log_all(open_)
    run_killed(
        f"experiment = make.experiment('released/killed/run', root={str(root)!r}, linger_s=60)",
        "experiment.flush()\n"
        f"for one in content.train_points({content.UNDRAINED}, 25): experiment.metrics('train').log(**one)",
    )


def run_killed(made: str, more: str = "") -> None:
    script = (
        f"import os, sys, signal; sys.path[:0] = {sys.path[:2]!r}\nimport content, make\n{made}\n"
        f"experiment.run.start()\ncontent.log_all(experiment)\n{more}\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL, done.returncode


def experiment(prefix: str, **keywords: Any) -> Experiment:
    return Experiment(prefix, **content.ABOUT, echo=False, capture_context=False, **keywords)


# -- what servers hold


def make_stored(work: Path, environment: dict[str, str], out: Path) -> None:
    with ExitStack() as running:
        running.enter_context(component("worker", environment))
        address = running.enter_context(api(environment))
        remote = {"remote": address, "journal": str(work / "remote"), "heartbeat_s": 0.2}
        with experiment("released/packed/run", **remote).run as open_:
            content.log_all(open_)
            time.sleep(0.5)  # some heartbeats
        for number in range(5):
            with experiment("released/crowd/run", **remote).run as open_:
                open_.metrics("shared").log_many(session=[number] * 3, n=[0, 1, 2])
        with experiment("released/gone/run", **remote).run as open_:
            content.log_all(open_)
        mldash_command(environment, "rm", "released/gone/run", "--yes")
        with experiment("released/gone/run", **remote).run as open_:
            open_.metrics("new").log(n=1)
        with component("compactor", environment), experiment("released/cold/run", **remote).run as open_:
            content.log_cold(open_)
            open_.flush()
            wait_for_cold(environment)
        with experiment("released/cold/run", **remote).run as open_:
            content.log_hot(open_)
        json_address = running.enter_context(api({**environment, "MLDASH_API_EVENT_ENCODING": "json"}))
        with experiment("released/json/run", **{**remote, "remote": json_address}).run as open_:
            content.log_all(open_)
        asyncio.run(set_letters_aside(environment))
        mldash_command(environment, "retention", "released/packed", "--metrics", "99y", "--logs", "99y")
        for prefix in ("packed", "crowd", "gone", "cold", "json"):
            mldash_command(environment, "audit", f"released/{prefix}/run")
    lines = asyncio.run(read_records(environment))
    text_ = "".join(json.dumps(one) + "\n" for one in lines)
    (out / "records.jsonl.xz").write_bytes(lzma.compress(text_.encode(), preset=9 | lzma.PRESET_EXTREME))
    write_mongo(environment, work / "mongo")
    pack(work / "mongo", out / "mongo.tar.xz")
    for key, data in asyncio.run(read_objects(environment)).items():
        (work / "objects" / key).parent.mkdir(parents=True, exist_ok=True)
        (work / "objects" / key).write_bytes(data)
    pack(work / "objects", out / "objects.tar.xz")


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    from mldash.deploy.prepare import prepare
    from mldash.deploy.servers import Servers
    from mldash.producer.events.identity import KINDS

    command = [sys.executable, "-m", "mldash"]
    subprocess.run([*command, "up", "--servers-only", "--detach", "--data", str(folder)], check=True)
    try:
        told = subprocess.run([*command, "status", "--json", "--data", str(folder)], check=True, capture_output=True)
        at = json.loads(told.stdout)["addresses"]
        made = Servers(
            kafka=at["kafka"],
            mongo=at["mongo"],
            topic_prefix=NAME,
            mongo_database=NAME,
            s3_endpoint=at["s3"]["endpoint"],
            s3_bucket=NAME,
            s3_access_key=at["s3"]["access_key"],
            s3_secret_key=at["s3"]["secret_key"],
        )
        asyncio.run(prepare(made, dict.fromkeys(KINDS, PARTITIONS)))
        yield {
            "MLDASH_KAFKA": made.kafka,
            "MLDASH_MONGO": made.mongo,
            "MLDASH_TOPIC_PREFIX": NAME,
            "MLDASH_MONGO_DATABASE": NAME,
            "MLDASH_S3_ENDPOINT": str(made.s3_endpoint),
            "MLDASH_S3_BUCKET": NAME,
            "MLDASH_S3_ACCESS_KEY": str(made.s3_access_key),
            "MLDASH_S3_SECRET_KEY": str(made.s3_secret_key),
            "MLDASH_WORKER_GROUP": NAME,
            "MLDASH_WORKER_SNAPSHOT_SESSIONS": "2",
            "MLDASH_WORKER_IDLE_S": "1",
            "MLDASH_COMPACTOR_IDLE_S": "2",
            "MLDASH_COMPACTOR_KEEP_TRACK_EVENTS": "0",
            "MLDASH_COMPACTOR_POLL_S": "0.2",
        }
    finally:
        subprocess.run([*command, "down", "--data", str(folder)], check=True)


@contextmanager
def component(name: str, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "mldash", name], env={**os.environ, **environment})
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(60) == 0


@contextmanager
def api(environment: dict[str, str]) -> Iterator[str]:
    port = free_port()
    with component("api", {**environment, "MLDASH_API_PORT": str(port)}):
        yield f"http://127.0.0.1:{port}"


def mldash_command(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "mldash", *arguments], check=True, env={**os.environ, **environment})


def database(environment: dict[str, str]) -> Any:
    import pymongo

    return pymongo.MongoClient(environment["MLDASH_MONGO"])[NAME]


def wait_for_cold(environment: dict[str, str]) -> None:
    """Until all that is to be cold is, and the million points are joined."""
    wanted = {"whole": content.WHOLE, "mixed": content.MIXED_COLD, "pose": 10_000}
    deadline = time.monotonic() + 120
    while True:
        there = {one["name"]: one for one in database(environment).streams.find({"name": {"$in": [*wanted]}})}
        cold = {name: one["cold"] for name, one in there.items()}
        if cold == wanted and there["whole"].get("joined", 0) == content.WHOLE:
            return
        assert time.monotonic() < deadline, there
        time.sleep(0.2)


async def set_letters_aside(environment: dict[str, str]) -> None:
    """A value that is no record, and one of a newer major version."""
    from aiokafka import AIOKafkaProducer

    from mldash.ingest_workers.dead_letters.browse import list_letters
    from mldash.ingest_workers.topic_reading import reading

    kafka, newer = environment["MLDASH_KAFKA"], [("content-type", b"application/msgpack"), ("schema", b"mldash/2.0")]
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        await producer.send_and_wait(f"{NAME}.metrics", b"\xc1", key=b"k" * 16, partition=0, headers=newer[:1])
        await producer.send_and_wait(f"{NAME}.metrics", b"\x80", key=b"k" * 16, partition=1, headers=newer)
    async with reading(kafka) as consumer:
        deadline = time.monotonic() + 30
        while len(await list_letters(consumer, NAME)) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


async def read_records(environment: dict[str, str]) -> list[dict[str, Any]]:
    """Every record of every topic as it lies there, without the million points."""
    from aiokafka import AIOKafkaConsumer, TopicPartition

    counts = {
        **dict.fromkeys(("params", "metrics", "logs", "tracks", "runs"), PARTITIONS),
        "dead-letters": 1,
        "stored": 1,
    }
    places = [TopicPartition(f"{NAME}.{topic}", at) for topic, count in counts.items() for at in range(count)]
    lines = list[dict[str, Any]]()
    async with AIOKafkaConsumer(bootstrap_servers=environment["MLDASH_KAFKA"], enable_auto_commit=False) as consumer:
        for place in places:
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            end = (await consumer.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                for message in (await consumer.getmany(timeout_ms=1_000)).get(place, []):
                    if b"released/cold" not in (message.value or b"") and b"released/gone" not in (
                        message.value or b""
                    ):
                        lines.append(line_of(message))
    # Of statements that are repeated all the time the last of each key: the topic is compacted.
    last = {one["key"]: one for one in lines if one["topic"] == "stored"}
    return [one for one in lines if one["topic"] != "stored" or one is last[one["key"]]]


def line_of(message: Any) -> dict[str, Any]:
    return {
        "topic": message.topic.removeprefix(f"{NAME}."),
        "partition": message.partition,
        "offset": message.offset,
        "timestamp": message.timestamp,
        "key": text(message.key),
        "value": text(message.value),
        "headers": [[name, text(value)] for name, value in message.headers],
    }


def text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def write_mongo(environment: dict[str, str], folder: Path) -> None:
    """Each collection's documents one behind the other, as mongodump writes them."""
    folder.mkdir()
    for name in sorted(database(environment).list_collection_names()):
        documents = [*database(environment)[name].find().sort("_id", 1)]
        (folder / f"{name}.bson").write_bytes(b"".join(bson.encode(one) for one in documents))


async def read_objects(environment: dict[str, str]) -> dict[str, bytes]:
    """By key."""
    from mldash.compactor.chunks.s3 import ObjectStore

    async with ObjectStore(
        endpoint=environment["MLDASH_S3_ENDPOINT"],
        bucket=NAME,
        region="us-east-1",
        access_key=environment["MLDASH_S3_ACCESS_KEY"],
        secret_key=environment["MLDASH_S3_SECRET_KEY"],
    ) as objects:
        return {one.key: await objects.get(one.key) async for one in objects.list()}


def pack(folder: Path, path: Path) -> None:
    """Sorted, nobody's, so that a second look finds what it expects."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in sorted(folder.rglob("*")):
            info = tar.gettarinfo(file, str(file.relative_to(folder)))
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            with file.open("rb") if file.is_file() else io.BytesIO() as data:
                tar.addfile(info, data if file.is_file() else None)
    path.write_bytes(lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME))


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
