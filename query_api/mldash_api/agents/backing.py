"""Where tools read: a Client, and three questions that an API answers by itself and local folders do not."""

import json
from collections.abc import Sequence
from typing import Final, Protocol

from mldash.answers.downsample import ViewRequest
from mldash.answers.filters import Filter
from mldash.answers.shapes import Comparison, Parted
from mldash.client.client import Client
from mldash.client.open_run import OpenRun

from .errors import NoSuchMetric, NoSuchRun
from .folders import Folders
from .points import Column, Number, Series

MOST_NAMED: Final = 10_000
"""Runs that are looked through for the nearest name."""


class Backing(Protocol):
    """What an API and folders answer in ways of their own. Raises as reads do."""

    def compare(self, prefixes: Sequence[str]) -> Comparison: ...

    def parted(self, prefixes: Sequence[str], metric: str | None, request: ViewRequest, together: int) -> Parted: ...

    def series(self, prefixes: Sequence[str], metric: str | None, request: ViewRequest) -> list[Series]:
        """On one grid."""
        ...


class OverApi:
    """A Backing: each is one request."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def compare(self, prefixes: Sequence[str]) -> Comparison:
        return self._client.compare(prefixes)

    def parted(self, prefixes: Sequence[str], metric: str | None, request: ViewRequest, together: int) -> Parted:
        (field,), (one, two) = request.fields or (), prefixes
        return self._client.parted(
            one,
            two,
            metric,
            field,
            request.x,
            request.start,
            request.end,
            request.columns,
            together=together,
            filter=[filter_text(each) for each in request.filters] or None,
        )

    def series(self, prefixes: Sequence[str], metric: str | None, request: ViewRequest) -> list[Series]:
        found = self._client.grid(
            prefixes,
            metric,
            request.fields,
            request.x,
            request.start,
            request.end,
            request.columns,
            statistics=("least", "greatest", "first", "last", "count", "missing"),
            filter=[filter_text(each) for each in request.filters] or None,
        )
        edges = found["edges"]
        return [Series(one["run"], one["field"], _columns(edges, one["statistics"])) for one in found["series"]]


def backing_of(client: Client) -> Backing:
    return OverApi(client) if is_api(client) else Folders(client)


def is_api(client: Client) -> bool:
    """Else local folders."""
    return client.where.lower().startswith(("http://", "https://"))


def found_run(client: Client, prefix: str) -> OpenRun:
    """Raises NoSuchRun with the nearest prefixes, ValueError for a bad one."""
    run = client.run(prefix)
    if run.about(wait=0) is None:
        raise NoSuchRun(prefix, [row.prefix for row in client.runs(columns=[], limit=MOST_NAMED)])
    return run


def has_metric(run: OpenRun, metric: str | None) -> bool:
    return any(one["name"] == metric for one in run.metrics.list(wait=0))


def check_metric(run: OpenRun, metric: str | None) -> None:
    """Raises NoSuchMetric with the nearest names."""
    names = [one["name"] for one in run.metrics.list(wait=0)]
    if metric not in names:
        raise NoSuchMetric(metric, run.prefix, names)


def filter_text(one: Filter) -> str:
    """As it is parsed again."""
    return f"{json.dumps(one.field)} {one.comparison} {one.number!r}"


def _columns(edges: Sequence[Number], statistics: dict[str, list[float | None]]) -> list[Column]:
    def number(name: str, at: int) -> float | None:
        value = statistics[name][at]
        return None if value is None or value != value else value

    return [
        Column(
            edges[at],
            edges[at + 1],
            number("least", at),
            number("greatest", at),
            number("first", at),
            number("last", at),
            int(number("count", at) or 0),
            int(number("missing", at) or 0),
        )
        for at in range(len(edges) - 1)
    ]
