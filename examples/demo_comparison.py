"""What was logged against what is read: value for value, type for type, in order, nothing missing, nothing twice.

`expected_…` fold the ranks' calls by the rules of docs/sdk.md; `…_differences` compare, and answer with a line for
each difference, at most LISTED of each kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from demo_recording import Calls

LISTED = 10


def expected_params(ranks: Sequence[Calls]) -> dict[str, Any]:
    """Flat dotted keys. No two ranks set one key to different values, so that their order does not matter."""
    flat: dict[str, Any] = {}
    for calls in ranks:
        for values in calls.params:
            flat.update(_flat(values))
    return flat


def expected_points(ranks: Sequence[Calls], name: str) -> dict[int, list[dict[str, Any]]]:
    """Each rank's points, in its order."""
    return {calls.rank: calls.points.get(name, []) for calls in ranks}


def expected_entries(ranks: Sequence[Calls], topic: str) -> list[dict[str, Any]]:
    """Entries of one timestamp merged field by field, in time order."""
    merged: dict[float, dict[str, Any]] = {}
    for calls in ranks:
        for entry in calls.entries.get(topic, []):
            fields = _flat({name: value for name, value in entry.items() if name != "_ts"})
            merged.setdefault(entry["_ts"], {}).update(fields)
    return [{"timestamp": time, **merged[time]} for time in sorted(merged)]


def params_differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Key by key."""
    return _first("params", _fields(expected, found))


def points_differences(
    name: str, expected: Mapping[int, Sequence[Mapping[str, Any]]], found: Iterable[Mapping[str, Any]]
) -> list[str]:
    """Indices 0, 1, 2, …; and of each rank, told apart by the field `rank`, its own points in its own order."""
    return _first(name, _points(expected, found))


def entries_differences(
    topic: str, expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Entry by entry, in time order."""
    return _first(topic, _entries(expected, found))


def lines_differences(
    expected: Mapping[int, Sequence[tuple[str, str, dict[str, Any]]]], found: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Sequence numbers 0, 1, 2, …; and of each rank, told apart by its metadata, its own lines in its own order."""
    return _first("logs", _lines(expected, found))


def same(one: Any, other: Any) -> bool:
    """Equal in value and type, inside lists and dicts too: 1, 1.0 and True differ, NaN is NaN, -0.0 is not 0.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return (one == other and math.copysign(1, one) == math.copysign(1, other)) or (one != one and other != other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _points(expected: Mapping[int, Sequence[Mapping[str, Any]]], found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    next_index = 0
    places = dict.fromkeys(expected, 0)
    for point in found:
        index, data = point["index"], point["data"]
        if index != next_index:
            yield f"index {index} stands where {next_index} should"
        next_index = index + 1
        rank = data.get("rank")
        if rank not in expected:
            yield f"index {index} is of rank {rank!r}, which logged nothing here"
            continue
        place, points = places[rank], expected[rank]
        places[rank] += 1
        if place >= len(points):
            yield f"index {index} is point {place} of rank {rank}, which logged {len(points)}"
        elif not same(points[place], data):
            for what in _fields(points[place], data):
                yield f"index {index}, point {place} of rank {rank}: {what}"
    yield from _missing(expected, places)


def _entries(expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    times = [entry["timestamp"] for entry in found]
    if times != sorted(times):
        yield "entries are not in time order"
    if len(set(times)) != len(times):
        yield f"{len(times) - len(set(times))} timestamps are there twice"
    by_time = dict(zip(times, found, strict=True))
    for entry in expected:
        read = by_time.pop(entry["timestamp"], None)
        if read is None:
            yield f"no entry at {entry['timestamp']!r}"
        elif not same(entry, read):
            for what in _fields(entry, read):
                yield f"at {entry['timestamp']!r}: {what}"
    for time in by_time:
        yield f"an entry at {time!r} that nobody wrote"


def _lines(
    expected: Mapping[int, Sequence[tuple[str, str, dict[str, Any]]]], found: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    places = dict.fromkeys(expected, 0)
    for number, line in enumerate(found):
        if line["sequenceNumber"] != number:
            yield f"sequence number {line['sequenceNumber']} stands where {number} should"
        metadata = line.get("metadata", {})
        rank = metadata.get("rank")
        if rank not in expected:
            yield f"line {number} is of rank {rank!r}, which logged none: {line['message']!r}"
            continue
        place, lines = places[rank], expected[rank]
        places[rank] += 1
        if place >= len(lines):
            yield f"line {number} is line {place} of rank {rank}, which logged {len(lines)}"
        elif not same(list(lines[place]), [line["level"], line["message"], metadata]):
            yield f"line {number}, line {place} of rank {rank}: logged {lines[place]!r}, read {line!r}"
    yield from _missing(expected, places)


def _missing(expected: Mapping[int, Sequence[Any]], places: Mapping[int, int]) -> Iterator[str]:
    for rank, logged in expected.items():
        if places[rank] < len(logged):
            yield f"of rank {rank} {places[rank]:,} are there, it logged {len(logged):,}"


def _fields(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for name in expected.keys() | found.keys():
        if name not in found:
            yield f"{name} is missing, it was {expected[name]!r}"
        elif name not in expected:
            yield f"{name} is {found[name]!r}, nobody logged it"
        elif not same(expected[name], found[name]):
            yield f"{name} is {found[name]!r}, it was {expected[name]!r}"


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            flat.update(_flat(value, f"{before}{name}."))
        else:
            flat[f"{before}{name}"] = value
    return flat


def _first(where: str, differences: Iterator[str]) -> list[str]:
    """Some of them, and how many more there are."""
    listed, count = [], 0
    for difference in differences:
        count += 1
        if count <= LISTED:
            listed.append(f"{where}: {difference}")
    if count > LISTED:
        listed.append(f"{where}: and {count - LISTED:,} more")
    return listed
