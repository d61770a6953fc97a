"""`mldash up --secure`: everybody signs in over TLS, each component with what it needs and no more."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aioboto3
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError
from botocore.exceptions import ClientError
from msgspec.structs import asdict, replace
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from mldash.connections.errors import KafkaRefused, KafkaUnreachable
from mldash.connections.kafka_access import why_refused
from mldash.connections.kafka_security import connecting
from mldash.connections.servers import Servers
from mldash_deploy.prepare import Access, prepare_all
from mldash_deploy.preparing.changes import RequestRefused
from mldash_deploy.preparing.settings import PrepareSettings
from mldash_deploy.preparing.users import read_granted, read_signing
from mldash_deploy.stack.data_folder import DataFolder
from mldash_deploy.stack.local_servers import read_servers
from mldash_deploy.stack.probe import http_status
from mldash_deploy.stack.security import ADMIN, OPERATOR, Security
from tests.components import free_port
from tests.stack import run_mldash

from .stacks import process_of, status, until

pytestmark = [
    pytest.mark.integration,
    # A connection whose handshake was refused is left by its client: asyncio says so when the collector finds it.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]

EXAMPLES = Path(__file__).parents[3] / "examples"
BROUGHT = ["kafka", "mongo", "s3"]
RUN = """
import time
from mldash import Experiment
with Experiment("alice/secured/walk").run as experiment:
    experiment.params.set(lr=0.1)
    experiment.metrics("train").log_many(loss=[0.5] * 10_000)
    experiment.logs.info("it goes")
read = Experiment("alice/secured/walk")
print(read.metrics("train").read()["data"][0]["data"], read.params.get(flatten=True))
deadline = time.monotonic() + 60
while not read.metrics("train").stats()["chunkedDataPoints"] and time.monotonic() < deadline:
    time.sleep(0.2)
print(read.metrics("train").stats()["chunkedDataPoints"], read.metrics("train").read(9_999)["data"][0]["data"])
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of one secured stack with all components; its name is one that people give."""
    folder = tmp_path_factory.mktemp("secured") / "data of Jürgen"
    run_mldash("up", "--secure", "--detach", "--data", str(folder))
    yield folder
    run_mldash("down", "--data", str(folder))


@pytest.fixture(autouse=True)
async def goodbyes(data: Path) -> AsyncIterator[None]:
    """TLS ends a connection over the loop: the test's loop goes on until none to the stack is left."""
    yield
    ports = set(DataFolder(data).read_ports().values())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            while any(one.raddr and one.raddr.port in ports for one in psutil.Process().net_connections()):
                # A client that is closed while it makes a connection leaves the socket: here, not in a test that comes.
                gc.collect()
                await asyncio.sleep(0.02)


@pytest.fixture
def operator(data: Path) -> Servers:
    return read_servers(data)


def as_user(data: Path, user: str) -> Servers:
    """The stack's servers as one of its users signs in to them."""
    plain = replace(
        read_servers(data),
        kafka_security_protocol="PLAINTEXT",
        kafka_sasl_mechanism=None,
        kafka_username=None,
        kafka_password=None,
        kafka_ca_file=None,
        mongo=f"mongodb://127.0.0.1:{DataFolder(data).read_ports()['mongo']}/?replicaSet=mldash",
    )
    return Security(DataFolder(data)).servers_of(plain, user, BROUGHT)


def variables(data: Path) -> dict[str, str]:
    """As a shell has them after `eval "$(mldash env)"`."""
    env = shlex.join([sys.executable, "-m", "mldash", "env", "--data", str(data)])
    shell = f'eval "$({env})" && env -0'
    told = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True).stdout
    found = dict(pair.split("=", 1) for pair in told.split("\0") if pair.startswith("MLDASH_"))
    return {**os.environ, **found}


def modes(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}


def secrets_of(data: Path) -> list[str]:
    passwords = Security(DataFolder(data)).passwords
    keys = [one.secret_key for one in passwords.s3.values()]
    return [*passwords.kafka.values(), *passwords.mongo.values(), *keys, *passwords.seaweed.values()]


def test_a_run_that_the_sdk_logs_is_stored_becomes_cold_and_is_read(data: Path, tmp_path: Path) -> None:
    environment = {**variables(data), "MLDASH_JOURNAL": str(tmp_path / "journal")}
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["{'loss': 0.5} {'lr': 0.1}", "10000 {'loss': 0.5}"]
    audit = run_mldash("audit", "alice/secured/walk", **environment)
    assert "ok" in audit.stdout


def test_the_demo_comes_back_equal(data: Path, tmp_path: Path) -> None:
    """On the stack that runs."""
    demo = [sys.executable, str(EXAMPLES / "demo.py"), "--secure", "--ranks", "2", "--epochs", "2"]
    environment = {**os.environ, "MLDASH_JOURNAL": str(tmp_path / "journal")}
    done = subprocess.run([*demo, "--data", str(data)], capture_output=True, text=True, env=environment, timeout=250)
    assert done.returncode == 0 and "EQUAL: all that was logged was read back" in done.stdout, done.stdout + done.stderr


def test_components_and_commands_that_one_starts_by_hand_are_let_in(data: Path) -> None:
    assert run_mldash("prepare", "--dry-run", "--data", str(data)).stdout == "everything is as it should be\n"
    told = json.loads(run_mldash("doctor", "--json", **variables(data)).stdout)
    assert told["healthy"], told
    for component in ("worker", "compactor", "api"):
        port = free_port()
        own = {f"MLDASH_{component.upper()}_HEALTH_PORT": str(port), "MLDASH_WORKER_SLOT": "7", "MLDASH_API_PORT": "0"}
        process = subprocess.Popen([sys.executable, "-m", "mldash", component], env={**variables(data), **own})
        try:
            until(lambda port=port: asyncio.run(http_status(f"http://127.0.0.1:{port}/readyz")) == 200)  # type: ignore[misc]
        finally:
            process.terminate()
            assert process.wait(60) == 0


def test_a_backup_may_not_have_mongodb_remember_where_its_user_may_not_set_parameters(
    data: Path, tmp_path: Path
) -> None:
    """The operator reads and writes the one database, which is enough for all else of a backup."""
    folder = tmp_path / "backup"
    refused = run_mldash("backup", str(folder), "--history", "60", "--data", str(data), check=False)
    assert refused.returncode == 1
    assert "this user may not set parameters; give it the roles hostManager and clusterMonitor" in refused.stderr
    assert not folder.exists()


async def test_kafka_refuses_who_does_not_sign_in(data: Path, operator: Servers) -> None:
    plain = {"kafka_sasl_mechanism": None, "kafka_username": None, "kafka_password": None}
    doors: list[dict[str, Any]] = [
        {**plain, "kafka_ca_file": None, "kafka_security_protocol": "PLAINTEXT"},
        {**plain, "kafka_security_protocol": "SSL"},
        {"kafka_password": "wrong"},
        {"kafka_ca_file": None},  # the host trusts another authority
    ]
    for door in doors:
        assert isinstance(await why_refused(replace(operator, **door)), KafkaRefused | KafkaUnreachable), door
    assert await why_refused(operator) is None


async def test_mongodb_refuses_who_does_not_sign_in(data: Path, operator: Servers) -> None:
    host = operator.mongo.rpartition("@")[2]
    address = host.partition("/")[0]
    quick = {"serverSelectionTimeoutMS": 1_000, "directConnection": True}
    nobody: AsyncMongoClient[Any] = AsyncMongoClient(
        f"mongodb://{address}", tls=True, tlsCAFile=operator.mongo_ca_file, **quick
    )
    async with nobody:
        with pytest.raises(OperationFailure) as caught:
            await nobody[operator.mongo_database].runs.find_one({})
        assert caught.value.code == 13
    plain: AsyncMongoClient[Any] = AsyncMongoClient(f"mongodb://{address}", **quick)
    async with plain:
        with pytest.raises(ServerSelectionTimeoutError):
            await plain.admin.command("ping")
    wrong: AsyncMongoClient[Any] = AsyncMongoClient(
        f"mongodb://operator:wrong@{address}/?authSource=admin", tls=True, tlsCAFile=operator.mongo_ca_file, **quick
    )
    async with wrong:
        with pytest.raises(OperationFailure) as caught:
            await wrong[operator.mongo_database].runs.find_one({})
        assert caught.value.code == 18


async def _list(operator: Servers, **given: Any) -> None:
    keys = {"aws_access_key_id": operator.s3_access_key, "aws_secret_access_key": operator.s3_secret_key}
    settings = {"endpoint_url": operator.s3_endpoint, "verify": operator.s3_ca_file, **keys, **given}
    async with aioboto3.Session(region_name="us-east-1").client("s3", **settings) as s3:
        await s3.list_objects_v2(Bucket=operator.s3_bucket)


async def test_s3_refuses_who_has_no_keys_or_comes_in_the_clear(data: Path, operator: Servers) -> None:
    await _list(operator)
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        await _list(operator, aws_secret_access_key="x" * 40)
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        await _list(operator, aws_access_key_id="MLDASHNOBODY")
    assert operator.s3_endpoint is not None
    host, port = operator.s3_endpoint.removeprefix("https://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /mldash HTTP/1.1\r\nHost: s3\r\n\r\n")
    assert b" 400 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_each_component_has_the_least_rights_on_kafka(data: Path) -> None:
    """A worker writes no events, and the API reads none."""
    worker, api = as_user(data, "worker"), as_user(data, "api")
    producer = AIOKafkaProducer(**connecting(worker))
    await producer.start()
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait("mldash.metrics", b"x", partition=0)
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(**connecting(api))
    await consumer.start()
    try:
        consumer.assign([TopicPartition("mldash.runs", 0)])
        assert TopicPartition("mldash.runs", 0) in await consumer.end_offsets([TopicPartition("mldash.runs", 0)])
        with pytest.raises(TopicAuthorizationFailedError):
            async with asyncio.timeout(30):
                while True:
                    await consumer.getmany(timeout_ms=200)
    finally:
        await consumer.stop()
    assert as_user(data, "compactor").kafka_username is None


async def test_each_component_has_the_least_rights_on_mongodb_and_s3(data: Path) -> None:
    api = as_user(data, "api")
    client: AsyncMongoClient[Any] = AsyncMongoClient(api.mongo, tlsCAFile=api.mongo_ca_file)
    async with client:
        await client[api.mongo_database].experiments.find_one({})
        with pytest.raises(OperationFailure, match="not authorized"):
            await client["another"].experiments.find_one({})
    await _list(api)
    keys = {"aws_access_key_id": api.s3_access_key, "aws_secret_access_key": api.s3_secret_key}
    settings = {"endpoint_url": api.s3_endpoint, "verify": api.s3_ca_file, **keys}
    async with aioboto3.Session(region_name="us-east-1").client("s3", **settings) as s3:
        with pytest.raises(ClientError, match="AccessDenied"):
            await s3.put_object(Bucket=api.s3_bucket, Key="owner=x/y", Body=b"")
        with pytest.raises(ClientError, match="AccessDenied"):
            await s3.create_bucket(Bucket="another")


async def test_users_and_rights_are_made_once_and_named_before(data: Path, tmp_path: Path) -> None:
    """`mldash prepare --user --acls`, by who may; the operator may not, and is told so."""
    settings = PrepareSettings(**asdict(as_user(data, ADMIN)))
    file = tmp_path / "trainer"
    access = Access([read_granted("trainer=producer"), read_granted("trainer=lag")], [read_signing(f"trainer={file}")])
    shown = await prepare_all(settings, access, dry_run=True)
    assert f"user trainer: make it, with the password in {file}" in map(str, shown.changes)
    assert "user trainer: allow WRITE on topic mldash.metrics" in map(str, shown.changes)
    assert "user trainer: allow DESCRIBE on group mldash-ingest" in map(str, shown.changes)
    assert not file.exists()
    made = await prepare_all(settings, access)
    assert [one for one in made.changes if one.subject == "user trainer"] and stat.S_IMODE(file.stat().st_mode) == 0o600
    again = await prepare_all(settings, access)
    assert again.changes == [] and again.notes == [
        "user trainer is there and keeps its password (--new-passwords sets that of its file)"
    ]
    trainer = replace(as_user(data, OPERATOR), kafka_username="trainer", kafka_password=file.read_text().strip())
    producer = AIOKafkaProducer(**connecting(trainer), enable_idempotence=True)
    await producer.start()
    try:
        assert await producer.partitions_for("mldash.metrics")
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send_and_wait("mldash.stored", b"x")
    finally:
        await producer.stop()
    file.write_text("another-password\n")
    await prepare_all(settings, Access(users=access.users, new_passwords=True))
    changed = AIOKafkaProducer(**connecting(replace(trainer, kafka_password="another-password")))
    await changed.start()
    await changed.stop()
    with pytest.raises(RequestRefused, match="Kafka refused to"):
        await prepare_all(PrepareSettings(**asdict(as_user(data, OPERATOR))), access)


def test_files_with_secrets_are_their_owners_alone_and_nothing_tells_them(data: Path) -> None:
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for folder in (data / "security", data / "kafka"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(modes(data / "security").values()) == {0o600}
    hidden = secrets_of(data)
    for path in data.rglob("*"):
        if path.is_file() and path.stat().st_size < 1 << 20:
            content = path.read_bytes()
            if any(secret.encode() in content for secret in hidden):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
                assert path.parent.name != "logs", f"{path} tells a password"
    shown = run_mldash("status", "--data", str(data)).stdout + run_mldash("up", "--help").stdout
    assert not [secret for secret in hidden if secret in shown]
    config = run_mldash("config", **variables(data)).stdout
    assert not [secret for secret in hidden if secret in config]
    for process in status(data)["processes"]:
        arguments = Path(f"/proc/{process['pid']}/cmdline").read_text()
        assert not [secret for secret in hidden if secret in arguments], process["name"]


def test_the_keys_of_a_start_are_kept_and_the_stack_stays_secured(data: Path) -> None:
    """It is started anew without being told again."""
    before = {path.name: path.read_bytes() for path in (data / "security").iterdir()}
    told = variables(data)
    run_mldash("down", "--data", str(data))
    run_mldash("up", "--detach", "--data", str(data))
    assert {path.name: path.read_bytes() for path in (data / "security").iterdir()} == before
    assert variables(data) == told
    worker = process_of(data, "worker-1")["pid"]
    os.kill(worker, 9)
    until(lambda: process_of(data, "worker-1")["restarts"] >= 1 and bool(status(data)["ready"]))


def test_a_folder_that_began_open_is_not_secured_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    (folder / "mongo").mkdir(parents=True)
    refused = run_mldash("up", "--secure", "--detach", "--data", str(folder), check=False)
    assert refused.returncode == 1
    assert "was begun without --secure, and stays so" in refused.stderr
