"""Kafka's jars: the pinned list, and that nothing else takes a jar's name. The repository is a folder served here."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mldash_deploy.stack import jars
from mldash_deploy.stack.errors import JarRefused

CONTENT = b"a jar" * 1_000
JAR = jars.Jar("org.example:thing:1.0", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    root = tmp_path / "repository"
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", root
    server.shutdown()
    thread.join()
    server.server_close()


def publish(root: Path, jar: jars.Jar, content: bytes) -> None:
    path = root / jar.path_in_repository
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def test_the_committed_list_pins_every_jar_of_one_kafka() -> None:
    listed = jars.read_list()
    assert jars.kafka_version(listed).startswith("4.3.")
    assert len({jar.coordinate for jar in listed}) == len(listed) > 80
    assert all(len(jar.sha256) == 64 and jar.byte_count > 0 for jar in listed)


def test_the_list_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    jars.write_list([JAR], tmp_path / "list")
    assert jars.read_list(tmp_path / "list") == [JAR]


def test_a_fetched_jar_is_the_pinned_one_and_is_not_fetched_again(repository: tuple[str, Path], tmp_path: Path) -> None:
    address, root = repository
    publish(root, JAR, CONTENT)
    arrived: list[int] = []
    assert jars.missing([JAR], tmp_path / "cache") == [JAR]
    jars.fetch([JAR], tmp_path / "cache", address, arrived.append, threading.Event())
    assert (tmp_path / "cache" / "thing-1.0.jar").read_bytes() == CONTENT
    assert sum(arrived) == len(CONTENT)
    assert jars.missing([JAR], tmp_path / "cache") == []


def test_a_jar_that_is_not_the_pinned_one_never_takes_its_name(
    repository: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "FETCH_ATTEMPTS", 1)
    address, root = repository
    publish(root, JAR, CONTENT[:-1] + b"!")
    with pytest.raises(JarRefused, match=r"org\.example:thing:1\.0 .* its SHA-256 is"):
        jars.fetch([JAR], tmp_path / "cache", address, lambda _: None, threading.Event())
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_jar_that_is_not_there_is_named_with_its_address(
    repository: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "FETCH_ATTEMPTS", 1)
    with pytest.raises(JarRefused, match=r"/org/example/thing/1\.0/thing-1\.0\.jar: 404"):
        jars.fetch([JAR], tmp_path / "cache", repository[0], lambda _: None, threading.Event())


def test_a_jar_that_was_cut_short_counts_as_missing(tmp_path: Path) -> None:
    (tmp_path / JAR.file_name).write_bytes(CONTENT[:10])
    assert jars.missing([JAR], tmp_path) == [JAR]
