"""`mldash up` as a user sees it: each test has stacks of its own, on folders of its own."""

from __future__ import annotations

import asyncio
import json
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aioboto3
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from botocore.config import Config
from pymongo import AsyncMongoClient, MongoClient

from mldash.connections.servers import Servers
from mldash_deploy.preparing.topics import make_topics
from mldash_deploy.stack.local_servers import LocalServers, read_servers
from tests.stack import run_mldash

from .stacks import process_of, status, until

pytestmark = pytest.mark.integration


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose stack is down afterwards, whatever the test did; its name is one that people give."""
    folder = tmp_path / "data of Jürgen"
    yield folder
    run_mldash("down", "--data", str(folder))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of one stack for the tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("running") / "data"
    with LocalServers(folder):
        yield folder


def up(data: Path, *more: str) -> None:
    run_mldash("up", "--servers-only", "--detach", "--data", str(data), *more)


async def write_one_of_each(servers: Servers, value: bytes, topic: str = "test") -> None:
    """A record, a document and an object, acknowledged as our components want them to be."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
    await admin.start()
    await make_topics(admin, [NewTopic(topic, num_partitions=1, replication_factor=1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=servers.kafka, enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, value, partition=0)
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(servers.mongo, w="majority", journal=True)
    await client[topic].things.insert_one({"_id": "thing", "value": value})
    await client.close()
    async with s3_client(servers) as s3:
        await s3.create_bucket(Bucket=topic)
        await s3.put_object(Bucket=topic, Key="a/thing", Body=value)


async def read_one_of_each(servers: Servers, topic: str = "test") -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers.kafka, auto_offset_reset="earliest", group_id=None)
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    record = await asyncio.wait_for(consumer.getone(), 20)
    await consumer.stop()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(servers.mongo)
    document = await client[topic].things.find_one({"_id": "thing"})
    await client.close()
    assert document is not None
    async with s3_client(servers) as s3:
        answer = await s3.get_object(Bucket=topic, Key="a/thing")
        body: bytes = await answer["Body"].read()
    return [record.value or b"", document["value"], body]


def s3_client(servers: Servers) -> Any:
    return aioboto3.Session().client(
        "s3",
        endpoint_url=servers.s3_endpoint,
        region_name=servers.s3_region,
        aws_access_key_id=servers.s3_access_key,
        aws_secret_access_key=servers.s3_secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )


def test_a_stack_is_ready_in_time_and_says_where_everything_is(data: Path) -> None:
    """The documented JSON, the table, and the variables for a shell."""
    began = time.monotonic()
    done = run_mldash("up", "--servers-only", "--detach", "--data", str(data))
    assert time.monotonic() - began < 60  # 6 s on a quiet machine; other tests run beside it
    document = status(data)
    assert document["ready"] is True
    assert set(document) == {"ready", "addresses", "processes"}
    assert set(document["addresses"]) == {"api", "kafka", "mongo", "s3"}
    assert set(document["addresses"]["s3"]) == {"endpoint", "bucket", "access_key", "secret_key"}
    assert {process["name"] for process in document["processes"]} == {"kafka", "mongo", "s3"}
    for process in document["processes"]:
        assert set(process) == {"name", "pid", "state", "restarts"}
        assert (process["state"], process["restarts"], psutil.pid_exists(process["pid"])) == ("running", 0, True)
    assert document["addresses"]["kafka"] in done.stdout
    assert document["addresses"]["mongo"] in run_mldash("status", "--data", str(data)).stdout
    env = shlex.join([sys.executable, "-m", "mldash", "env", "--data", str(data)])
    script = f'eval "$({env})" && echo "$MLDASH_KAFKA $MLDASH_S3_SECRET_KEY"'
    shell = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert shell.stdout.split() == [document["addresses"]["kafka"], document["addresses"]["s3"]["secret_key"]]


def test_everything_listens_on_loopback_alone(running: Path) -> None:
    for process in status(running)["processes"]:
        listening = [
            connection.laddr.ip
            for connection in psutil.Process(process["pid"]).net_connections()
            if connection.status == psutil.CONN_LISTEN
        ]
        assert listening
        assert set(listening) <= {"127.0.0.1", "::ffff:127.0.0.1"}, process["name"]


def test_data_and_addresses_survive_a_restart(data: Path) -> None:
    with LocalServers(data) as servers:
        asyncio.run(write_one_of_each(servers, b"kept"))
    assert status(data)["ready"] is False
    with LocalServers(data) as again:
        assert again == servers
        assert asyncio.run(read_one_of_each(again)) == [b"kept"] * 3


def test_two_stacks_run_side_by_side(running: Path, data: Path) -> None:
    """What is written to one is not in the other, which knows nothing of it."""
    with LocalServers(data) as others:
        own = read_servers(running)
        asyncio.run(write_one_of_each(own, b"one", topic="side-by-side"))
        asyncio.run(write_one_of_each(others, b"two", topic="side-by-side"))
        assert asyncio.run(read_one_of_each(own, topic="side-by-side")) == [b"one"] * 3
        assert asyncio.run(read_one_of_each(others, topic="side-by-side")) == [b"two"] * 3


def test_killed_servers_come_back_with_their_data(running: Path) -> None:
    servers = read_servers(running)
    asyncio.run(write_one_of_each(servers, b"kept"))
    before = {process["name"]: process for process in status(running)["processes"]}
    for process in before.values():
        psutil.Process(process["pid"]).kill()
    until(lambda: all(process["restarts"] >= 1 for process in status(running)["processes"]), 90.0)
    until(lambda: bool(status(running)["ready"]), 90.0)
    for process in status(running)["processes"]:
        assert process["pid"] != before[process["name"]]["pid"]
    assert asyncio.run(read_one_of_each(servers)) == [b"kept"] * 3


def test_mongodb_gives_the_files_of_what_was_dropped_back_within_seconds(running: Path) -> None:
    """Not after the five minutes of its own default: each collection and index is a file that is open."""
    mongod = psutil.Process(process_of(running, "mongo")["pid"])
    with MongoClient[dict[str, Any]](read_servers(running).mongo) as client:
        before = mongod.num_fds()
        for number in range(100):
            client.dropped[f"c{number}"].create_index("a")
        assert mongod.num_fds() > before + 150
        client.drop_database("dropped")

        def are_given_back() -> bool:
            client.kept.c.insert_one({})  # its clock goes on with what is written
            client.admin.command("fsync")
            return mongod.num_fds() < before + 50

        until(are_given_back, 90.0)
        client.drop_database("kept")


def test_kafka_starts_from_archives_of_javas_and_its_own_classes(running: Path) -> None:
    process = psutil.Process(process_of(running, "kafka")["pid"])
    (option,) = [one for one in process.cmdline() if one.startswith("-XX:SharedArchiveFile=")]
    java, kafka = (Path(one) for one in option.partition("=")[2].split(":"))
    assert kafka.stat().st_size > java.stat().st_size > 0
    assert "[cds" not in (running / "logs" / "kafka.log").read_text(), "Java warns of an archive that it can't use"


def test_down_leaves_no_process_and_no_socket(data: Path) -> None:
    up(data)
    pids = [process["pid"] for process in status(data)["processes"]]
    ports = json.loads((data / "ports.json").read_text())
    assert run_mldash("down", "--data", str(data)).stdout == "stopped\n"
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert not [path for port in ports.values() for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock")]
    assert "nothing to stop" in run_mldash("down", "--data", str(data)).stdout


def test_a_taken_port_is_one_line_that_names_port_server_and_holder(data: Path) -> None:
    with LocalServers(data):
        pass
    port = json.loads((data / "ports.json").read_text())["mongo"]
    with socket.create_server(("127.0.0.1", port)):
        for detach in ((), ("--detach",)):
            done = run_mldash("up", "--servers-only", "--data", str(data), *detach, check=False)
            assert done.returncode == 1
            told = [line for line in done.stderr.splitlines() if line]
            assert len(told) == 1
            assert told[0].startswith(f"mldash: up: port {port} of mongo is taken by python")
            assert f"(pid {psutil.Process().pid})" in told[0]
    assert not [process for process in status(data)["processes"] if process["pid"]]


def test_a_server_that_does_not_start_is_told_with_its_last_lines_and_log(data: Path) -> None:
    """Kafka finds that its folder is of another node."""
    with LocalServers(data):
        pass
    meta = data / "kafka" / "data" / "meta.properties"
    meta.write_text(meta.read_text().replace("node.id=1", "node.id=7"))
    done = run_mldash("up", "--servers-only", "--detach", "--data", str(data), check=False)
    assert done.returncode == 1
    assert "mldash: up: kafka did not start: it ended with exit code 1" in done.stderr
    assert str(data / "logs" / "kafka.log") in done.stderr
    assert "node" in done.stderr
    assert not [process for process in status(data)["processes"] if process["pid"]]


def test_a_second_supervisor_of_a_folder_is_refused(running: Path) -> None:
    done = run_mldash("up", "--servers-only", "--detach", "--data", str(running), check=False)
    assert done.returncode == 1
    assert f"a stack runs on {running} already (pid" in done.stderr
    assert status(running)["ready"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_takes_a_stack_in_the_foreground_down(data: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "mldash", "up", "--servers-only", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as stack:
        until(lambda: status(data)["ready"])
        pids = [process["pid"] for process in status(data)["processes"]]
        stack.send_signal(number)
        _, err = stack.communicate(timeout=40)
    assert stack.returncode == 0, err
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    assert status(data)["ready"] is False


def test_a_signal_while_it_starts_leaves_nothing_behind(data: Path) -> None:
    command = [sys.executable, "-m", "mldash", "up", "--servers-only", "--data", str(data)]
    before = psutil.Process().children(recursive=True)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as stack:
        until(lambda: any(process["state"] == "starting" for process in status(data)["processes"]))
        stack.terminate()
        _, err = stack.communicate(timeout=40)
    assert stack.returncode == 0, err
    assert not [process for process in status(data)["processes"] if process["pid"]]
    assert [one for one in psutil.Process().children(recursive=True) if one not in before] == []


def test_servers_die_with_a_killed_supervisor_and_the_next_up_goes_on(data: Path) -> None:
    up(data)
    servers = read_servers(data)
    asyncio.run(write_one_of_each(servers, b"kept"))
    children = [psutil.Process(process["pid"]) for process in status(data)["processes"]]
    psutil.Process(json.loads((data / "state.json").read_text())["supervisor_pid"]).kill()
    assert status(data)["ready"] is False
    up(data)  # at once: it waits for what is still leaving
    assert not [child for child in children if child.is_running()]
    assert asyncio.run(read_one_of_each(servers)) == [b"kept"] * 3


def test_a_server_of_ones_own_is_used_and_none_is_started(running: Path, data: Path) -> None:
    own = read_servers(running)
    given = {"MLDASH_KAFKA": own.kafka, "MLDASH_MONGO": own.mongo}
    run_mldash("up", "--servers-only", "--detach", "--data", str(data), check=True, **given)
    document = status(data)
    assert [process["name"] for process in document["processes"]] == ["s3"]
    assert (document["addresses"]["kafka"], document["addresses"]["mongo"]) == (own.kafka, own.mongo)
