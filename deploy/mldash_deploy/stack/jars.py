"""Kafka's jars: the pinned list, and fetching what it names.

kafka_jars.txt holds a line a jar, `sha256 bytes group:artifact:version`; lock_jars.py makes it. A first start fetches
all of them in parallel into

    $XDG_CACHE_HOME/mldash/kafka-<version>/*.jar        (~/.cache without XDG_CACHE_HOME)

Each is hashed while it arrives and takes its name only when the hash is the pinned one, so that a file with a jar's
name in this folder is that jar, whatever was killed meanwhile and however many stacks fetch at once. Later starts look
at names and sizes only.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

import requests

from .errors import JarRefused

LIST = Path(__file__).with_name("kafka_jars.txt")

# More connections than this gain nothing on a fast line and annoy a repository.
_PARALLEL_FETCHES = 12
FETCH_ATTEMPTS = 4
_FETCH_TIMEOUT_S = 30.0
_TORN_AFTER_S = 3_600.0


class Jar(NamedTuple):
    """One line of the list."""

    coordinate: str
    sha256: str
    byte_count: int

    @property
    def file_name(self) -> str:
        """`kafka-clients-4.3.1.jar`"""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    @property
    def path_in_repository(self) -> str:
        """`org/apache/kafka/kafka-clients/4.3.1/kafka-clients-4.3.1.jar`"""
        group, artifact, version = self.coordinate.split(":")
        return f"{group.replace('.', '/')}/{artifact}/{version}/{self.file_name}"


def read_list(path: Path = LIST) -> list[Jar]:
    """The pinned jars, in the order of the class path."""
    jars = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            sha256, byte_count, coordinate = line.split()
            jars.append(Jar(coordinate, sha256, int(byte_count)))
    return jars


def write_list(jars: Sequence[Jar], path: Path = LIST) -> None:
    """Replace the list; `lock_jars.py` calls this."""
    head = "# Kafka's jars: SHA-256, bytes, coordinate. Made by `python -m mldash_deploy.stack.lock_jars`.\n"
    path.write_text(head + "".join(f"{jar.sha256} {jar.byte_count} {jar.coordinate}\n" for jar in jars))


def kafka_version(jars: Sequence[Jar]) -> str:
    """The version of the broker among the jars."""
    return next(jar.coordinate.split(":")[2] for jar in jars if jar.coordinate.startswith("org.apache.kafka:kafka_"))


def cache_folder(jars: Sequence[Jar]) -> Path:
    """Where the jars of this version lie, shared by all stacks of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "mldash" / f"kafka-{kafka_version(jars)}"


def missing(jars: Sequence[Jar], folder: Path) -> list[Jar]:
    """Those that are not in the folder, or were cut short behind our back (a full disk, an impatient cleaner)."""

    def is_there(jar: Jar) -> bool:
        try:
            return (folder / jar.file_name).stat().st_size == jar.byte_count
        except FileNotFoundError:
            return False

    return [jar for jar in jars if not is_there(jar)]


def fetch(
    jars: Sequence[Jar],
    folder: Path,
    repository: str | None,
    advance: Callable[[int], None],
    give_up: threading.Event,
) -> None:
    """Fetch `jars` into `folder`, in parallel; `advance(bytes)` is called from several threads as they arrive.

    `repository` None is the one that jgo's resolver knows. Setting `give_up` ends it early, from any thread.
    Raises JarRefused: which jar, and why.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _remove_torn(folder)
    if repository is None:
        # Only here: jgo takes a moment to import, and is needed for this address and by lock_jars.py.
        from jgo.constants import MAVEN_CENTRAL_URL

        repository = MAVEN_CENTRAL_URL
    with ThreadPoolExecutor(_PARALLEL_FETCHES, thread_name_prefix="fetch-jar") as pool:
        futures = [pool.submit(_fetch_one, jar, folder, repository, advance, give_up) for jar in jars]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        finally:
            give_up.set()  # the first failure ends the others: their answers would not be used
            pool.shutdown(cancel_futures=True)


def _remove_torn(folder: Path) -> None:
    """Remove the file of a killed fetch; a younger file may be another fetch's, at work now."""
    for path in folder.glob(".*.jar.*"):
        try:
            if path.stat().st_mtime < time.time() - _TORN_AFTER_S:
                path.unlink()
        except FileNotFoundError:
            continue  # its owner was quicker


def _fetch_one(
    jar: Jar, folder: Path, repository: str, advance: Callable[[int], None], give_up: threading.Event
) -> None:
    """One jar, tried again after a growing pause: a repository may be busy, and a line may break."""
    url = f"{repository.rstrip('/')}/{jar.path_in_repository}"
    reason = "given up"
    for attempt in range(FETCH_ATTEMPTS):
        if give_up.wait(0.5 * attempt * attempt):
            return
        arrived = 0
        digest = hashlib.sha256()
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=f".{jar.file_name}.")
        try:
            with (
                os.fdopen(descriptor, "wb") as file,
                requests.get(url, stream=True, timeout=_FETCH_TIMEOUT_S) as answer,
            ):
                answer.raise_for_status()
                for block in answer.iter_content(1 << 16):
                    if give_up.is_set():
                        return
                    file.write(block)
                    digest.update(block)
                    arrived += len(block)
                    advance(len(block))
            if digest.hexdigest() == jar.sha256:
                Path(name).replace(folder / jar.file_name)
                return
            reason = f"its SHA-256 is {digest.hexdigest()}, pinned is {jar.sha256}"
        except (requests.RequestException, OSError) as error:
            reason = str(error)
        finally:
            Path(name).unlink(missing_ok=True)
        advance(-arrived)
    raise JarRefused(jar.coordinate, url, reason)
