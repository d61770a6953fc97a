"""A process that logs until it is killed or told to stop, and says how far its calls have returned.

    python -m tests.behaviour.emitting '{"name": …, "settings": {…}, …}'   one of them
    python -m tests.behaviour.emitting '{"names": […], "seed": …, …}'   many, each killed at some moment

Each thread logs points {who, thread, i} to "train", a track's entries, and now and then a line. After each call has
returned, the thread's number stands in a mapped file: the kernel keeps it, however the process ends.
"""

import json
import mmap
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from struct import Struct as Packer
from typing import Any

from mldash import Experiment

_COUNT = Packer("<Q")
AT_A_TIME = 4
PAUSE_EVERY = 50
"""Points between two short rests: the machine also has to read them all back."""


class Emitted:
    """What one such process has told."""

    def __init__(self, folder: Path, name: str, threads: int) -> None:
        self.name, self.threads = name, threads
        self._counts = folder / f"{name}.counts"
        if not self._counts.exists():
            self._counts.write_bytes(bytes(threads * _COUNT.size))

    @property
    def returned(self) -> list[int]:
        """How many calls of each thread have returned."""
        return [count for (count,) in _COUNT.iter_unpack(self._counts.read_bytes())]


class Emitter(Emitted):
    """One such process, seen from outside."""

    def __init__(self, folder: Path, prefix: str, settings: dict[str, Any], **more: Any) -> None:
        """`more`: threads (2), count (points a thread, without end by default), host (acts as one of that name),
        lease_s, look_s."""
        super().__init__(folder, os.urandom(4).hex(), more.get("threads", 2))
        self._stop = folder / f"{self.name}.stop"
        told = {"name": self.name, "prefix": prefix, "folder": str(folder), "settings": settings, "threads": 2, **more}
        command = [sys.executable, "-m", "tests.behaviour.emitting", json.dumps(told)]
        self.process = subprocess.Popen(command, cwd=Path(__file__).parents[2])

    def wait_until(self, count: int) -> None:
        """Until each thread has logged so many points."""
        deadline = time.monotonic() + 60
        while min(self.returned) < count:
            assert self.process.poll() is None, "it has ended by itself"
            assert time.monotonic() < deadline, f"still at {self.returned}"
            time.sleep(0.002)

    def stop(self) -> None:
        """Ask it to end its run in order."""
        self._stop.touch()


def kill_at_random_moments(
    folder: Path, prefix: str, settings: dict[str, Any], *, kills: int, seed: int
) -> list[Emitted]:
    """So many processes log into one experiment, some at a time, and each is killed."""
    names = [f"{seed}.{number}" for number in range(kills)]
    told = {"names": names, "seed": seed, "threads": 2}
    told |= {"prefix": prefix, "folder": str(folder), "settings": settings}
    command = [sys.executable, "-m", "tests.behaviour.emitting", json.dumps(told)]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True, timeout=240)
    return [Emitted(folder, name, 2) for name in names]


def assert_all_is_there_once(
    points: list[dict[str, Any]], emitters: Sequence[Emitted], *, in_order: bool = True
) -> None:
    """Each thread's numbers 0 … n - 1, once each, where n is at least what had returned; indices are dense."""
    found: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, point in enumerate(points):
        assert point["index"] == index
        found[point["data"]["who"], point["data"]["thread"]].append(point["data"]["i"])
    for emitter in emitters:
        for thread, returned in enumerate(emitter.returned):
            numbers = found.pop((emitter.name, thread), [])
            of = f"{emitter.name}.{thread}: {len(numbers)} stored, {returned} returned"
            assert len(numbers) >= returned, f"lost: {of}"
            assert (numbers if in_order else sorted(numbers)) == list(range(len(numbers))), f"doubled or mixed: {of}"
    assert not found, "of nobody"


def _emit(told: dict[str, Any]) -> None:
    _act_as(told)
    folder, name = Path(told["folder"]), told["name"]
    with (folder / f"{name}.counts").open("r+b") as file:
        counts = mmap.mmap(file.fileno(), 0)
    stop = folder / f"{name}.stop"
    most = told.get("count", 1 << 62)
    with Experiment(told["prefix"], echo=False, capture_context=False, **told["settings"]).run as experiment:

        def work(thread: int) -> None:
            train, pose = experiment.metrics("train"), experiment.tracks(f"pose/{name}")
            i = 0
            while i < most and not (i % PAUSE_EVERY == 0 and stop.exists()):
                train.log(who=name, thread=thread, i=i)
                pose.append(**{f"x{thread}": i}, _ts=i)
                i += 1
                _COUNT.pack_into(counts, thread * _COUNT.size, i)
                if i % PAUSE_EVERY == 0:
                    experiment.log(f"{thread} at {i}")
                    time.sleep(0.01)

        threads = [threading.Thread(target=work, args=(thread,)) for thread in range(told["threads"])]
        for one in threads:
            one.start()
        for one in threads:
            one.join()


def _act_as(told: dict[str, Any]) -> None:
    from mldash.delivery import drain
    from mldash.journal import lease
    from mldash.process import processes

    if "host" in told:
        processes.host_id = lambda: told["host"]
    lease.LEASE_S = told.get("lease_s", lease.LEASE_S)  # type: ignore[misc]
    drain.DEAD_LOOK_S = told.get("look_s", drain.DEAD_LOOK_S)


def _kill_many(told: dict[str, Any]) -> None:
    """Forked from here, where everything is imported and no thread runs: a start costs milliseconds."""
    from mldash.delivery import publisher
    from mldash.local import sink
    from mldash.local.reading import reader
    from mldash.remote import handshake

    assert reader and sink and publisher and handshake
    dice = random.Random(told["seed"])
    waiting = [*told["names"]]
    alive: list[_Condemned] = []
    while waiting or alive:
        while waiting and len(alive) < AT_A_TIME:
            alive.append(_condemn(told, waiting.pop(), dice))
        for one in alive:
            if one.is_due:
                os.kill(one.pid, signal.SIGKILL)
                assert os.waitstatus_to_exitcode(os.waitpid(one.pid, 0)[1]) == -signal.SIGKILL, "it ended by itself"
                one.pid = 0
        alive = [one for one in alive if one.pid]
        time.sleep(0.0005)


class _Condemned:
    """A process, and when it is killed: some after a time, whatever they do then, most after so many calls."""

    def __init__(self, pid: int, emitted: Emitted, dice: random.Random) -> None:
        self.pid, self._emitted = pid, emitted
        early = dice.random() < 0.25
        self._at = time.monotonic() + (dice.uniform(0, 0.15) if early else 60)
        self._calls = dice.randrange(1, 500)

    @property
    def is_due(self) -> bool:
        return time.monotonic() >= self._at or max(self._emitted.returned) >= self._calls


def _condemn(told: dict[str, Any], name: str, dice: random.Random) -> _Condemned:
    emitted = Emitted(Path(told["folder"]), name, told["threads"])
    pid = os.fork()
    if pid == 0:
        try:
            _emit({**told, "name": name})
        finally:
            os._exit(1)
    return _Condemned(pid, emitted, dice)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    if "names" in given:
        _kill_many(given)
    else:
        _emit(given)
