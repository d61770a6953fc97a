"""MongoDB's documents of an experiment → a run as plain values, part by part. Pure.

What is very long is kept short: texts and other values by their first MOST_VALUE_BYTES, of a part the first MOST_KEYS
names. docs/query.md says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from mldash.events.field_statistics import FieldStatistics
from mldash.events.merging import flatten
from mldash.events.run_status import RUNNING, SessionTimes, latest_run, status_of_run
from mldash_api.experiments.annotations import Annotation, with_tags
from mldash_api.experiments.sessions import Runs
from mldash_ingest.documents.snapshot import firsts_of

from .table import Part, Run, Values

MOST_KEYS: Final = 2_000
MOST_VALUE_BYTES: Final = 4_096

_STATISTICS: Final = FieldStatistics.__struct_fields__[2:5]
"""Of a row of `stats`, what stands behind count and sum: min, max, last."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


class Life(NamedTuple):
    """The latest run of an experiment at one moment. `changes_at`: from when on the status may be another one, though
    nothing was written; infinity where it may not."""

    status: str
    started: float | None
    ended: float | None
    seen: float | None
    changes_at: float


class Facts(Struct):
    """What the plain fields of a run are made of. The newest times of its streams come one by one."""

    run: Run
    runs: Runs
    annotation: Annotation | None


def life_of(sessions: Sequence[SessionTimes], now: float, lost_after_s: float) -> Life:
    status = status_of_run(sessions, now, lost_after_s)
    latest = latest_run(sessions, lost_after_s)
    if not latest:
        return Life(status, None, None, None, float("inf"))
    ended = [one.ended for one in latest if one.ended is not None and one.has_end]
    silent = [one.heartbeat + lost_after_s for one in latest if not one.has_end and not one.is_dead]
    return Life(
        status,
        min(one.started for one in latest),
        max(ended) if len(ended) == len(latest) else None,
        max([*ended, *(one.heartbeat for one in latest)]),
        min((at for at in silent if at >= now), default=float("inf")) if status == RUNNING else float("inf"),
    )


def plain_of(facts: Facts, life: Life) -> dict[str, Any]:
    """The plain fields but `updated`; what is missing is absent."""
    run, said = facts.run, facts.runs.folded.about
    owner, project, name = run.prefix.split("/", 1)[0], run.prefix.split("/", 2)[1], run.prefix.rsplit("/", 1)[1]
    told = {part: one.value for part, one in said.items()}
    annotation = facts.annotation
    leading = _leading(facts.runs, life)
    state = facts.runs.folded.sessions.get(leading) if leading else None
    values: dict[str, Any] = {
        "prefix": run.prefix,
        "owner": owner,
        "project": project,
        "name": name,
        "status": life.status,
        "created": run.created_at,
        "started": life.started,
        "ended": life.ended,
        "duration": None if life.started is None or life.seen is None else max(0.0, life.seen - life.started),
        "tags": with_tags(told.get("tags") or [], annotation),
        "archived": annotation is not None and annotation.archived,
        "description": told.get("description"),
        "notes": annotation.notes or None if annotation else None,
        "title": annotation.title or None if annotation else None,
        "user": state.user or None if state else None,
        "host": state.host or None if state else None,
        "sessions": len(facts.runs.folded.sessions),
    }
    return {key: short(value) for key, value in values.items() if value is not None}


def context_of(runs: Runs, life: Life) -> dict[str, Any]:
    """What the leading process of the latest run recorded, flat."""
    leading = _leading(runs, life)
    context = runs.sessions.get(leading, {}).get("context") if leading else None
    return flat(_decode(context)) if context else {}


def metadata_of(runs: Runs) -> dict[str, Any]:
    told = runs.folded.about.get("metadata")
    return flat(told.value) if told is not None and isinstance(told.value, Mapping) else {}


def params_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Of the params stream's snapshot."""
    items = document.get("data", ())[:MOST_KEYS]
    return {item["k"]: short(_decode(item["v"])) for item in items}


def statistics_of(document: Mapping[str, Any]) -> dict[tuple[str, str], int | float]:
    """Of a metric's snapshot: (field, statistic) → number."""
    found = dict[tuple[str, str], int | float]()
    firsts = firsts_of(document)
    for field, *rest in document.get("stats", ())[:MOST_KEYS]:
        count, total, *more = rest
        found[field, "count"] = int(count)
        if count:
            found[field, "mean"] = total / count
        for statistic, value in zip(_STATISTICS, more, strict=False):
            if value is not None:
                # BSON's 64 bits are a class of their own.
                found[field, statistic] = value if type(value) is float else int(value)
        if (first := firsts.get(field)) is not None:
            found[field, "first"] = first
    return found


def part_of_stream(document: Mapping[str, Any]) -> tuple[Part, Values] | None:
    """What a stream's document has to say of the run; None: nothing that is searched."""
    if document["kind"] == "params":
        return "params", params_of(document)
    if document["kind"] == "metrics":
        return ("metrics", document["name"]), statistics_of(document)
    return None


def parts_of(run: Mapping[str, Any]) -> Iterable[tuple[Part, Values]]:
    """Of a run as evaluating.py has it: a plain dict."""
    keyed = ("params", "context", "metadata", "metrics")
    yield "plain", {key: value for key, value in run.items() if key not in keyed and value is not None}
    for part in keyed[:-1]:
        yield part, run.get(part, {})
    for name, fields in run.get("metrics", {}).items():
        yield ("metrics", name), {(field, one): value for field, all_ in fields.items() for one, value in all_.items()}


def flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Flat dotted keys, the first MOST_KEYS, each value short."""
    return {key: short(value) for key, value in list(flatten(values).items())[:MOST_KEYS]}


def short(value: Any) -> Any:
    """The value, or the beginning of a long text, or as many elements of a long list as fit. Another value that is too
    long is None: it is there, and no condition passes it."""
    if isinstance(value, str):
        return value if len(value) <= MOST_VALUE_BYTES else value[:MOST_VALUE_BYTES]
    if not isinstance(value, list | dict | bytes) or len(_encode(value)) <= MOST_VALUE_BYTES:
        return value
    kept, size = list[Any](), 0
    for one in value if isinstance(value, list) else ():
        size += len(_encode(one))
        if size > MOST_VALUE_BYTES:
            break
        kept.append(one)
    return kept or None


def _leading(runs: Runs, life: Life) -> bytes | None:
    """The session of rank 0 that started last, else of those without a rank, else any."""
    states = runs.folded.sessions
    if not states:
        return None
    rank_of_none = 0.5
    ranked = [(-(rank_of_none if one.rank is None else one.rank), one.started, id_) for id_, one in states.items()]
    return max(ranked)[2]
