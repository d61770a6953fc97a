"""What dead sessions left on the host, beside a session that lives: each is guarded by itself."""

import fcntl
import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mldash.answers.shapes import Connection
from mldash.events.topics import TopicAddress
from mldash.journal.session_folder import SessionFolder
from mldash.journal.sessions import find_sessions

from .emission import Sessions, Topics, eventually, in_thread, never

pytestmark = pytest.mark.integration


def leave(sessions: Sessions, value: int) -> SessionFolder:
    """A session of a process that is gone."""
    journal, _ = sessions.begin(never)
    journal.stream("metrics", "train").append(1.0, {"i": value})
    journal.close()
    journal.forget(remove=False)
    assert journal.folder is not None
    return journal.folder


def is_free(folder: SessionFolder) -> bool:
    descriptor = os.open(folder.path / "lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _segment_is_a_folder(folder: SessionFolder) -> None:
    path = folder.segment_path(folder.segments()[0])
    path.unlink()
    path.mkdir()


def _checkpoint_is_a_folder(folder: SessionFolder) -> None:
    folder.checkpoint_path.unlink()
    folder.checkpoint_path.mkdir()


def _lock_is_a_folder(folder: SessionFolder) -> None:
    (folder.path / "lock").unlink()
    (folder.path / "lock").mkdir()


def _partition_is_gone(folder: SessionFolder) -> None:
    topics: dict[str, Any] = msgspec.to_builtins(folder.head.topics or {})
    folder.fix_topics({k: TopicAddress(v["topic"], 5_000) for k, v in topics.items()}, "application/msgpack")


@pytest.mark.parametrize(
    "spoil", [_segment_is_a_folder, _checkpoint_is_a_folder, _lock_is_a_folder, _partition_is_gone]
)
async def test_a_dead_session_that_cant_be_sent_holds_up_neither_the_living_nor_the_other_dead(
    topics: Topics, sessions: Sessions, spoil: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    dead = [leave(sessions, value) for value in range(3)]
    if spoil is _partition_is_gone:
        dead[1].fix_topics(topics.connection().topics, "application/msgpack")
    spoil(dead[1])
    journal, publisher = sessions.begin(topics.connection)
    stream = journal.stream("metrics", "train")
    for i in range(10, 20):
        stream.append(float(i), {"i": i})
        await in_thread(publisher.flush, 30.0)
    await eventually(lambda: not dead[0].path.exists() and not dead[2].path.exists(), 60.0)
    assert dead[1].path.exists()
    assert spoil is _lock_is_a_folder or is_free(dead[1])
    assert not [trouble for trouble in sessions.troubles if "no answer" not in trouble]
    found = await topics.events(any_seqs=True)
    assert sorted(fields["i"] for fields in found["metrics", "train"]) == [0, 2, *range(10, 20)]
    assert capfd.readouterr().err.count(f"left in {dead[1].path}") <= 1, "it is told of once"


async def test_a_full_disk_keeps_no_session_from_being_sent(
    topics: Topics, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No new file can be written; what has its blocks can be."""
    dead = leave(sessions, 0)
    real = Path.write_bytes

    def full(path: Path, data: Any) -> int:
        if path.name.endswith(".new"):
            raise OSError(28, "No space left on device", str(path))
        return real(path, data)

    may_ask = threading.Event()

    def ask() -> Connection:
        may_ask.wait(30.0)
        return topics.connection()

    journal, publisher = sessions.begin(ask)
    journal.stream("metrics", "train").append(1.0, {"i": 1})
    monkeypatch.setattr(Path, "write_bytes", full)
    may_ask.set()
    await in_thread(publisher.flush, 30.0)
    await eventually(lambda: not dead.path.exists())
    assert {session.head.topics is not None for session in find_sessions(sessions.root)} == {True}
    assert sorted(fields["i"] for fields in (await topics.events())["metrics", "train"]) == [0, 1]
