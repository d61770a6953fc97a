"""An emitter: a process that logs through the SDK, as a training job does, and keeps account of what has returned.

    python -m tests.faults.emitters FOLDER WHO EMITTER REMOTE JOURNAL SEED RATE

It goes on until SIGTERM, then ends its runs; or until it is killed.
"""

import os
import random
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic, sleep

from mldash import Experiment

from . import sequences
from .returned import Account, life_now
from .sequences import LONG, Stream

_TICK_S = 0.05
_KINDS = {"metrics": 12, "long": 3, "tracks": 5, "logs": 2, "params": 1}
_BURSTS = {"metrics": (1, 1, 3, 20, 100), "long": (5_000,), "tracks": (1, 5, 60), "logs": (1, 3), "params": (1,)}
_LONG_EVENTS = 200_000
"""Of one life: all together pass a million, and a reader still reads them all."""

_NICENESS = 2
"""Emitters take what the system leaves them: else they keep servers that were killed from coming back for minutes."""


def main(arguments: list[str]) -> None:
    folder, who, emitter, remote, journal, seed, rate = arguments
    os.nice(_NICENESS)
    stop = Stop()
    signal.signal(signal.SIGTERM, stop.on_signal)
    _emit(Path(folder), int(who), int(emitter), remote, journal, random.Random(f"{seed}/{who}"), float(rate), stop)


class Stop:
    """Whether SIGTERM came. No threading.Event: its set(), called by a handler in the thread that waits, may find
    that thread holding its lock, and hang for ever."""

    def __init__(self) -> None:
        self.is_set = False

    def on_signal(self, *_: object) -> None:
        self.is_set = True


def _emit(
    folder: Path,
    who: int,
    emitter: int,
    remote: str,
    journal: str,
    chance: random.Random,
    rate: float,
    stop: Stop,
) -> None:
    streams = sequences.streams_of(emitter)
    with ExitStack() as runs:
        experiments = {
            prefix: runs.enter_context(_experiment(prefix, remote, journal))
            for prefix in dict.fromkeys(stream.prefix for stream in streams)
        }
        sessions = {prefix: one._session.id.hex() for prefix, one in experiments.items() if one._session is not None}
        account = Account(folder, life_now(who, emitter, os.getpid(), journal, sessions, streams))
        by_kind = {kind: [one for one in streams if one.kind == kind and one != LONG] for kind in _KINDS}
        by_kind["long"] = [LONG]
        next_at = monotonic()
        while not stop.is_set:
            [kind] = chance.choices([*_KINDS], [*_KINDS.values()])
            if kind == "long" and account.count(LONG) >= _LONG_EVENTS:
                kind = "metrics"
            stream = chance.choice(by_kind[kind])
            numbers = account.begin(stream, chance.choice(_BURSTS[kind]))
            _WRITE[stream.kind](experiments[stream.prefix], stream, who, numbers)
            account.returned(stream, numbers)
            next_at = max(next_at + _TICK_S / rate, monotonic() - 1.0)
            sleep(max(0.0, next_at - monotonic()))


def _experiment(prefix: str, remote: str, journal: str) -> Experiment:
    return Experiment(
        prefix,
        remote=remote,
        journal=journal,
        heartbeat_s=1.0,
        close_timeout_s=30.0,
        echo=False,
        signals=False,
        capture_context=False,
    )


def _points(experiment: Experiment, stream: Stream, who: int, numbers: range) -> None:
    metric = experiment.metrics(stream.name)
    if len(numbers) == 1:
        metric.log(**sequences.point((who, numbers[0])))
        return
    metric.log_many(
        who=[who] * len(numbers),
        number=[*numbers],
        value=[sequences.value_of((who, number)) for number in numbers],
    )


def _entries(experiment: Experiment, stream: Stream, who: int, numbers: range) -> None:
    track = experiment.tracks(stream.name)
    for number in numbers:
        track.append(_ts=sequences.entry_time(number), **sequences.entry((who, number)))


def _lines(experiment: Experiment, stream: Stream, who: int, numbers: range) -> None:
    for number in numbers:
        level, message, metadata = sequences.line((who, number))
        experiment.log(message, level, metadata)


def _params(experiment: Experiment, stream: Stream, who: int, numbers: range) -> None:
    for number in numbers:
        experiment.params.set(**sequences.params((who, number)))


_WRITE: dict[str, Callable[[Experiment, Stream, int, range], None]] = {
    "metrics": _points,
    "tracks": _entries,
    "logs": _lines,
    "params": _params,
}

if __name__ == "__main__":
    main(sys.argv[1:])
