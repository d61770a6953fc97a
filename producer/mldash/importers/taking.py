"""A run of another tracker → an experiment: in a local folder, or by way of one to Kafka.

To servers it goes as `mldash sync` sends local files: each event under its session and seq, so the store drops what it
has; where the experiment was deleted there meanwhile, under the names that follow. The folder in between is temporary.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from msgspec import Struct, field

from mldash.delivery.kafka import DirectLoop
from mldash.delivery.resend import LocalExperiment, send_files
from mldash.errors import MldashError
from mldash.events.identity import Prefix, parse_prefix
from mldash.incoming.places import prefix_of, user_name
from mldash.local.folder import Folder, experiment_folder
from mldash.local.row_index import DamagedRow
from mldash.local.sink import LocalSink
from mldash.local.state.acknowledged import NotOurState
from mldash.mode import mode_of
from mldash.remote.handshake import asker, poster
from mldash.remote.standing import ask_standing
from mldash.remote.transport import Transport
from mldash.session.jobs import with_job
from mldash.settings import SdkSettings

from .events import FoundRun, LeftOut
from .writing import Counts, PartWriter, imported_session

Tell = Callable[[int], None]

_HALF: Final = 2
"""To servers a run is read once and sent once."""


class Outcome(Struct):
    """What came of one run. `problem`: why not all of it has arrived; None where it has."""

    run: FoundRun
    prefix: str
    counts: Counts = field(default_factory=Counts)
    left: LeftOut = field(default_factory=LeftOut)
    problem: str | None = None

    @property
    def is_whole(self) -> bool:
        """All that its files hold could be read and stored; an end that is not written yet is no fault."""
        return self.problem is None and not any(torn.is_damage for torn in self.left.torn)


def target_of(run: FoundRun, into: str | None) -> Prefix:
    """Where a run belongs: below `into`, else below the user's name and the run's project. Raises ValueError."""
    before = into.strip("/").split("/") if into else [user_name(), run.project]
    # Names may have braces: these are never a scheduler's job.
    return parse_prefix(with_job(prefix_of(*before, *run.names), {}))


def take(run: FoundRun, prefix: Prefix, settings: SdkSettings, tell: Tell, *, is_dry: bool) -> Outcome:
    """Read a run and store it. `tell` hears of bytes, twice its size where they are sent to servers.

    Run twice, or interrupted and run again, it adds nothing twice. What a file or a server refuses is the outcome's
    `problem`.
    """
    outcome = Outcome(run, prefix.text)
    try:
        if is_dry or mode_of(settings) == "local":
            folder = experiment_folder(settings.root, prefix.text)
            _write(outcome, folder, prefix, tell, is_dry=is_dry)
        else:
            with tempfile.TemporaryDirectory(prefix="mldash-import-") as between:
                folder = experiment_folder(between, prefix.text)
                _write(outcome, folder, prefix, tell, is_dry=False)
                outcome.problem = _send(LocalExperiment(prefix, folder), settings, _scaled(tell, run.size_bytes))
    except (OSError, MldashError, DamagedRow, NotOurState) as error:
        outcome.problem = str(error)
    return outcome


def bytes_to_do(run: FoundRun, settings: SdkSettings, *, is_dry: bool) -> int:
    """Of the progress of `take`."""
    return run.size_bytes * (1 if is_dry or mode_of(settings) == "local" else _HALF)


def _write(outcome: Outcome, folder: Folder, prefix: Prefix, tell: Tell, *, is_dry: bool) -> None:
    run = outcome.run
    with _sink(folder, prefix, is_dry=is_dry) as sink:
        for part in run.parts:
            session = imported_session(prefix.text, run.tracker, run.id, part.id)
            writer = PartWriter(sink, folder, prefix, session, outcome.counts)
            for event in part.events(outcome.left, tell):
                writer.take(event, outcome.left)
            writer.write()


@contextmanager
def _sink(folder: Folder, prefix: Prefix, *, is_dry: bool) -> Iterator[LocalSink | None]:
    """Closed whatever comes: files that follow from what is stored are then up to date."""
    if is_dry:
        yield None
        return
    sink = LocalSink(folder, prefix)
    try:
        yield sink
    finally:
        sink.close()


def _send(experiment: LocalExperiment, settings: SdkSettings, progress: Callable[[int, int], None]) -> str | None:
    """None: all of it was acknowledged. Raises MldashError where the servers can't be asked."""
    standing = None
    if settings.remote is not None:
        transport = Transport.of(settings, settings.remote)
        standing = partial(ask_standing, transport, experiment.prefix.text)
    sending = send_files(
        experiment,
        settings.remote or f"kafka://{settings.kafka}",
        asker(settings)(),
        progress,
        again=True,
        standing=standing,
        settings=settings,
        post=poster(settings, settings.remote),
    )
    with asyncio.Runner(loop_factory=DirectLoop) as runner:
        return runner.run(sending).left


def _scaled(tell: Tell, size_bytes: int) -> Callable[[int, int], None]:
    """Bytes of the files in between are told as bytes of the source."""
    told = [0, 0]

    def progress(done_bytes: int, total_bytes: int) -> None:
        told[0] += done_bytes
        reached = size_bytes * told[0] // max(total_bytes, 1)
        tell(reached - told[1])
        told[1] = reached

    return progress
