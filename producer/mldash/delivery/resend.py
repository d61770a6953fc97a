"""The remains of processes that are gone: dead sessions' journals, offline ones, and whole local experiments. Sent
under the same session and seq, so the store keeps each event once however often it is sent (docs/protocol.md 9.4)."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from msgspec import Struct

from mldash.answers.shapes import Connection
from mldash.events.identity import Prefix, parse_prefix
from mldash.journal.session_folder import SessionFolder, open_session_folder
from mldash.journal.sessions import find_sessions, try_lock
from mldash.local.folder import EXPERIMENT, JOURNAL, STATE, Folder
from mldash.local.json_file import read_json
from mldash.process.clock import GrowingDelay
from mldash.settings import SdkSettings

from .gateway import Post, Way
from .kafka import packed_bytes
from .lane import lane_of_dead
from .producer import AccessRefused, BatchRefused, KafkaTrouble, Producer
from .refusals import Refusals, told
from .signals import send_signals
from .ways import start_producer

if TYPE_CHECKING:
    from .local_files import AskStanding

_PATIENCE_S = 60.0
_NOTHING_SET = SdkSettings()


class Sent(Struct):
    """The outcome of sending one session's journal, or a local experiment's files."""

    prefix: str
    path: Path
    event_count: int = 0
    sessions: set[bytes] = set()
    """Whose events were sent."""
    left: str | None = None
    """Why something is left, or nothing was sent; None where all is sent, and the journal removed."""
    note: str = ""
    """What else there is to know."""


class LocalExperiment(NamedTuple):
    """An experiment of local mode."""

    prefix: Prefix
    folder: Folder


class NoPrefix(Exception):
    """A local experiment's folder does not say whose it is."""

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(folder, reason)
        self.folder, self.reason = folder, reason

    def __str__(self) -> str:
        return f'{self.folder}: {self.reason}. Write {EXPERIMENT} there with {{"prefix": "owner/project/name"}}'


class RoundSender(Protocol):
    """Events on their way: a journal's (lane.py), or those of local files (local_files.py)."""

    byte_count: int

    def begin(self, content_type: str, minor: int) -> None: ...

    def settle(self) -> Any: ...

    @property
    def has_room(self) -> bool: ...

    @property
    def is_idle(self) -> bool: ...

    async def send_round(self, kafka: Producer) -> bool: ...


def find_experiments(
    path: Path, *, left_out: Callable[[Path, Exception], None] | None = None, follows_links: bool = True
) -> list[LocalExperiment]:
    """The local experiments in a folder and below it, in the order of their paths. No link leads to one;
    `follows_links`: to what is in it.

    Raises NoPrefix of a folder that does not say whose it is, OSError of one that can't be read; `left_out` is told of
    both instead."""
    found = []
    for name, folders, files in os.walk(path):
        here = Path(name)
        below = {one for one in folders if not one.startswith(".")}
        folder, is_one = Folder(here, follows_links=follows_links), EXPERIMENT in files or STATE in folders
        try:
            prefix = _prefix_of(folder, is_one, must_read_journal=left_out is None)
        except (NoPrefix, OSError) as error:
            if left_out is None:
                raise
            left_out(here, error)
        else:
            is_one = prefix is not None
            if prefix is not None:
                found.append(LocalExperiment(prefix, folder))
        if is_one:
            below -= {"metrics", "tracks", "logs"}
        folders[:] = sorted(below)
    return found


def _prefix_of(folder: Folder, is_one: bool, *, must_read_journal: bool) -> Prefix | None:
    """None where there is no experiment. `is_one`: it has files of one, besides a journal. Raises NoPrefix, OSError."""
    try:
        sessions = find_sessions(folder.journal, follows_links=folder.follows_links)
        journals = [one for one in sessions if one.head.mode == "local"]
    except OSError:
        if must_read_journal or not is_one:
            raise
        journals = []  # its file says whose it is
    if journals:
        text: object = journals[0].head.prefix
    elif is_one:
        file = read_json(folder.experiment, folder.open_file) or {}
        parts = "/".join(str(file[part]) for part in ("owner", "project", "name") if file.get(part))
        text = file.get("prefix") or parts
    else:
        return None
    try:
        if not isinstance(text, str):
            raise ValueError(f"{text!r} is no prefix")
        return parse_prefix(text)
    except ValueError as error:
        raise NoPrefix(folder.path, str(error)) from error


def find_journals(path: Path) -> list[SessionFolder]:
    """The sessions that a path means: a session's folder, a folder of them, or a local experiment's."""
    one = open_session_folder(path)
    if one is not None:
        return [one]
    return [*find_sessions(path), *find_sessions(path / JOURNAL)]


def journal_bytes(folder: SessionFolder) -> int:
    """Bytes of its segments, for a progress bar: the last one is not full."""
    return sum(folder.segment_path(number).stat().st_size for number in folder.segments())


async def resend(
    folder: SessionFolder,
    connection: Connection,
    progress: Callable[[int], None] = lambda journal_bytes: None,
    patience_s: float = _PATIENCE_S,
    settings: SdkSettings = _NOTHING_SET,
    post: Post | None = None,
) -> Sent:
    """Send one session's journal. Run twice, or interrupted and run again, it adds nothing twice. `settings` say who
    signs in to Kafka, and which way is taken; `post` is that of the API (ways.py).

    Gives up after `patience_s` seconds without any progress. Its process must be gone: a live one sends by itself.
    """
    sent = Sent(folder.head.prefix, folder.path)
    if not try_lock(folder):
        sent.left = "its process is running, or another one sends it"
        return sent
    woken = asyncio.Event()
    problems: list[str] = []
    refusals = Refusals(packed_bytes)
    try:
        lane = lane_of_dead(
            folder, connection, refusals, woken.set, lambda records, size: problems.extend(map(told, records[:1]))
        )
        sent.left = await _send(
            lane,
            connection,
            settings,
            post,
            refusals,
            woken,
            lambda kafka: send_signals(kafka, lane, final=True, alive=False),
            progress,
            patience_s,
        )
        sent.event_count = lane.event_count
        sent.sessions = {folder.head.session_id}
        if sent.left is None and not lane.finish():
            sent.left = f"Kafka refuses {problems[0] if problems else 'something'} for its size"
        return sent
    finally:
        folder.unlock()


async def send_files(
    experiment: LocalExperiment,
    place: str,
    connection: Connection,
    progress: Callable[[int, int], None] = lambda done_bytes, total_bytes: None,
    *,
    again: bool = False,
    standing: "AskStanding | None" = None,
    patience_s: float = _PATIENCE_S,
    settings: SdkSettings = _NOTHING_SET,
    post: Post | None = None,
) -> Sent:
    """Send a local experiment's files, as far as they are acknowledged now: its run may go on meanwhile.

    `place` names where they go: what was noted as sent there before is left out, unless it is asked for `again`. With
    `standing`, what was deleted there is sent as new events.
    `progress` is told bytes of files. Run twice, or interrupted and run again, it adds nothing twice.
    Raises DamagedRow, OSError, and what `standing` raises.
    """
    from .local_files import FilesLane

    sent = Sent(experiment.prefix.text, experiment.folder.path)
    woken = asyncio.Event()
    problems: list[str] = []
    refusals = Refusals(packed_bytes)
    lane = FilesLane(
        experiment.folder,
        experiment.prefix,
        place,
        connection,
        refusals,
        wake=woken.set,
        too_large=problems.append,
        again=again,
        standing=standing,
    )
    progress(0, lane.total_bytes)
    try:
        sent.left = await _send(
            lane,
            connection,
            settings,
            post,
            refusals,
            woken,
            lane.send_signals,
            lambda taken: progress(taken, lane.total_bytes),
            patience_s,
        )
        lane.settle()
    finally:
        lane.note()
    sent.event_count, sent.sessions = lane.event_count, lane.sessions
    if sent.left is None and not lane.is_whole:
        sent.left = f"Kafka refuses {problems[0]} for its size"
    if not lane.notes_kept:
        sent.note = "its folder may not be written: the next sync sends all again, and the store drops what it has"
    return sent


async def _send(
    lane: RoundSender,
    connection: Connection,
    settings: SdkSettings,
    post: Post | None,
    refusals: Refusals,
    woken: asyncio.Event,
    finish: Callable[[Producer], Awaitable[None]],
    progress: Callable[[int], None],
    patience_s: float,
) -> str | None:
    """None when all was sent, else what was in the way."""
    delay = GrowingDelay(most=3.0)
    api = None if post is None else Way(post)
    moved_at = monotonic()
    while True:
        problem: str
        kafka = None
        try:
            kafka = await start_producer(connection, settings, api, "mldash-sync", refusals.batch_bytes)
            lane.begin(connection.content_type, connection.schema_minor)
            while True:
                before = lane.byte_count
                lane.settle()
                if lane.byte_count > before:
                    moved_at = monotonic()
                    progress(lane.byte_count - before)
                if lane.has_room and await lane.send_round(kafka):
                    await asyncio.sleep(0)
                    continue
                if lane.is_idle:
                    await finish(kafka)
                    return None
                if monotonic() - moved_at > patience_s:
                    return f"Kafka has acknowledged nothing for {patience_s:g} s"
                woken.clear()
                try:
                    async with asyncio.timeout(0.5):
                        await woken.wait()
                except TimeoutError:
                    continue
        except BatchRefused:
            continue  # the next producer does better
        except AccessRefused as error:
            return error.reason
        except KafkaTrouble as error:
            problem, told_s = error.reason, error.retry_after_s
        finally:
            if kafka is not None:
                await kafka.abandon()
        if monotonic() - moved_at > patience_s:
            return problem
        await asyncio.sleep(max(delay.next(), min(told_s, patience_s)))
