"""Fragments of trackio's inbox: what a process has written where SQLite is unsafe, until trackio takes it in.

inbox/WRITER/NUMBER.jsonl, a line a record:
    v          1
    kind       metric, system_metric or alert
    project    as the user has written it
    run, run_id, timestamp
    metrics, step, config, log_id              of a metric; the first one of a run has its config
    title, text, level, step, alert_id         of an alert

A fragment comes whole, by a rename, and a writer's are counted from 0.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct, field

from mldash.importers.events import Torn

INBOX: Final = "inbox"
_BEGINS: Final = re.compile(rb'\s*\{"v":\s*1,\s*"kind":\s*"(metric|system_metric|alert)",\s*"project":')
_decode = msgspec.json.Decoder().decode


class Fragment(NamedTuple):
    """A record: `table` is where trackio puts it, `id` what it is known by there."""

    table: str
    time: str
    id: str
    data: dict[str, Any]


class OfRun(Struct):
    """What fragments hold of a run."""

    name: str = ""
    records: list[Fragment] = field(default_factory=list)
    configs: list[dict[str, Any]] = field(default_factory=list)


class Inbox(Struct):
    """What fragments hold of the runs of one project."""

    runs: dict[str, OfRun] = field(default_factory=dict)
    torn: list[Torn] = field(default_factory=list)
    touched: float = 0.0
    """When the last fragment was written."""


_TABLES: Final = {"metric": "metrics", "system_metric": "system_metrics", "alert": "alerts"}


def is_fragment(head: bytes) -> bool:
    """Whether a file begins as one of these."""
    return _BEGINS.match(head) is not None


def canonical(project: str) -> str:
    """A project's name as that of its files."""
    return "".join(one for one in project if one.isalnum() or one in "-_") or "default"


def read(files: Iterable[Path]) -> dict[str, Inbox]:
    """By canonical names of projects; a fragment that is damaged ends its writer. Raises OSError."""
    found: dict[str, Inbox] = {}
    ended: set[Path] = set()
    for path in sorted(files):
        if path.parent in ended:
            continue
        torn = _take(path, found)
        if torn is not None:
            ended.add(path.parent)
            found.setdefault(_project_of(path), Inbox()).torn.append(torn)
    for inbox in found.values():
        for run in inbox.runs.values():
            run.records.sort(key=lambda record: record.time)
    return found


def _take(path: Path, found: dict[str, Inbox]) -> Torn | None:
    at, data, touched = 0, path.read_bytes(), path.stat().st_mtime
    for line in data.splitlines(keepends=True):
        if line.strip():
            is_whole = line.endswith(b"\n")
            record = _record_of(line) if is_whole else None
            if record is None:
                reason = "a line is no record" if is_whole else "a line is not finished"
                return Torn(path, at, len(data) - at, reason, is_whole)
            inbox = _sort_in(record, found)
            inbox.touched = max(inbox.touched, touched)
        at += len(line)
    return None


def _record_of(line: bytes) -> dict[str, Any] | None:
    try:
        record = _decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    if not isinstance(record, dict) or record.get("kind") not in _TABLES:
        return None
    texts = (record.get("project"), record.get("run"), record.get("timestamp"))
    return record if all(isinstance(one, str) and one for one in texts) else None


def _sort_in(record: dict[str, Any], found: dict[str, Inbox]) -> Inbox:
    inbox = found.setdefault(canonical(record["project"]), Inbox())
    name = record["run"]
    run = inbox.runs.setdefault(str(record.get("run_id") or name), OfRun())
    run.name = name
    table = _TABLES[record["kind"]]
    known_by = record.get("alert_id" if table == "alerts" else "log_id")
    config = record.pop("config", None)
    if isinstance(config, dict) and config:
        run.configs.append(config)
    run.records.append(Fragment(table, record["timestamp"], str(known_by or ""), record))
    return inbox


def _project_of(path: Path) -> str:
    """Of a damaged fragment: as its head says."""
    with path.open("rb") as file:
        head = _BEGINS.match(opened := file.read(4096))
    named = re.match(rb'\s*"((?:[^"\\]|\\.)*)"', opened[head.end() :]) if head else None
    return canonical(named[1].decode(errors="replace")) if named else "default"
