"""Records → what they say. Numbers of fields are those of wandb's own schema, which only ever gains some.

A key of a row is `key` with nested JSON (0.17 and before), or a list `nested_key` a leaf (0.19 and later); a key with a
dot in it stays one key in both.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct, field

from mldash.importers.protobuf import Malformed, fields, message, signed, text, timestamp

HISTORY: Final = 2
SUMMARY: Final = 3
OUTPUT: Final = 4
CONFIG: Final = 5
STATS: Final = 7
ARTIFACT: Final = 8
BOARD: Final = 9
ALERT: Final = 10
METRIC: Final = 12
OUTPUT_RAW: Final = 13
RUN: Final = 17
EXIT: Final = 18
FOOTER: Final = 22
PREEMPTING: Final = 23
ENVIRONMENT: Final = 26

_ITEM: Final = 1
_REMOVED: Final = 2
_KEY, _NESTED_KEY, _VALUE = 1, 2, 16
_MOST_NESTED: Final = 32
_ENVIRONMENT: Final = {
    1: "os",
    2: "python",
    4: "docker",
    6: "program",
    12: "host",
    13: "username",
    18: "gpu",
    25: "cuda",
}
_EMAIL: Final = 10

Path = tuple[str, ...]


class Run(Struct):
    """A run as its record has it."""

    id: str = ""
    entity: str = ""
    project: str = ""
    name: str = ""
    group: str = ""
    job_type: str = ""
    notes: str = ""
    tags: list[str] = field(default_factory=list)
    sweep: str = ""
    host: str = ""
    start: float = 0.0
    config: dict[str, Any] = field(default_factory=dict)


def run_of(data: bytes) -> Run:
    """Raises Malformed."""
    found = message(data)
    told = {name: text(found.get(number)) for number, name in _RUN_TEXTS.items()}
    return Run(
        **told,
        tags=[text(value) for number, value in fields(data) if number == 10],
        start=timestamp(found.get(17)) or 0.0,
        config=nested(items(found.get(4, b""))),
    )


_RUN_TEXTS: Final = {
    1: "id",
    2: "entity",
    3: "project",
    6: "group",
    7: "job_type",
    8: "name",
    9: "notes",
    12: "sweep",
    13: "host",
}


def items(data: int | bytes) -> Iterator[tuple[Path, Any]]:
    """(key, value) of each item of a row, a summary, a config or statistics. Raises Malformed."""
    if isinstance(data, int):
        raise Malformed(0)
    for number, item in fields(data):
        if number == _ITEM and isinstance(item, bytes):
            path, value = _item(item)
            if path:
                yield path, decoded(value)


def keys(data: bytes) -> Iterator[tuple[Path, bytes, bool]]:
    """(key, its JSON, whether it is removed) of each item of a summary, not decoded. Raises Malformed."""
    for number, item in fields(data):
        if number in (_ITEM, _REMOVED) and isinstance(item, bytes):
            path, value = _item(item)
            if path:
                yield path, value, number == _REMOVED


def statistics_of(data: bytes) -> tuple[float | None, dict[str, Any]]:
    """Their time, and values by their names. Raises Malformed."""
    found: dict[str, Any] = {}
    for number, item in fields(data):
        if number == 3 and isinstance(item, bytes):
            path, value = _item(item)
            found[".".join(path)] = decoded(value)
    return timestamp(message(data).get(2)), found


def nested(rows: Iterator[tuple[Path, Any]]) -> dict[str, Any]:
    """Leaves → dicts. A leaf that another one lies below gives way to it."""
    found: dict[str, Any] = {}
    for path, value in rows:
        here = found
        for key in path[:-1]:
            below = here.get(key)
            if not isinstance(below, dict):
                below = here[key] = {}
            here = below
        here[path[-1]] = value
    return found


def environment_of(data: bytes) -> tuple[dict[str, Any], bool]:
    """Facts of where it ran, and whether an e-mail stands there, which is not among them. Raises Malformed."""
    found = message(data)
    told: dict[str, Any] = {name: text(found[number]) for number, name in _ENVIRONMENT.items() if number in found}
    if arguments := [text(value) for number, value in fields(data) if number == 5]:
        told["args"] = arguments
    if 9 in found:
        git = message(found[9])
        told["git"] = {"remote": text(git.get(1)), "commit": text(git.get(2))}
    return told, _EMAIL in found


def line_of(data: bytes) -> tuple[bool, float | None, str]:
    """Whether it is of stderr, its time, and its text. Raises Malformed."""
    found = message(data)
    return signed(found.get(1)) == 0, timestamp(found.get(2)), text(found.get(3))


def _item(data: bytes) -> tuple[Path, bytes]:
    key, nested_key, value = "", [], b""
    for number, one in fields(data):
        if not isinstance(one, bytes):
            continue
        if number == _KEY:
            key = one.decode(errors="replace")
        elif number == _NESTED_KEY:
            nested_key.append(one.decode(errors="replace"))
        elif number == _VALUE:
            value = one
    return tuple(nested_key[:_MOST_NESTED]) if nested_key else ((key,) if key else ()), value


def decoded(data: bytes) -> Any:
    """NaN, Infinity and -Infinity stand bare in it. Raises Malformed."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Malformed(0) from None
