"""Runs in the order of a field, in plain Python: what `sort` means, here and over HTTP.

Numbers, then texts by code points, then false and true; then, in either direction, what is none of these, NaN and what
is missing. Ties go by the experiment's id.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from mldash.events.identity import experiment_id

from .evaluating import value_of
from .syntax import Field

Run = Mapping[str, Any]


def in_order(runs: Iterable[Run], field: Field, *, descending: bool = False) -> list[Run]:
    """Runs as evaluating.py has them, each with its `prefix`."""
    by_id = sorted(runs, key=lambda run: experiment_id(run["prefix"]))
    classes: tuple[list[tuple[Any, Run]], ...] = ([], [], [], [])
    for run in by_id:
        value = value_of(field, run)
        classes[_class_of(value)].append((value, run))
    *compared, last = classes
    ordered = [run for _, run in last]
    for known in compared if descending else reversed(compared):
        # A sort that is turned round keeps ties as they are, by id.
        ordered = [run for _, run in sorted(known, key=lambda one: one[0], reverse=descending)] + ordered
    return ordered


def _class_of(value: Any) -> int:
    if isinstance(value, bool):
        return 2
    if isinstance(value, int | float):
        return 0 if value == value else 3
    return 1 if isinstance(value, str) else 3
