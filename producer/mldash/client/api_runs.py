"""Runs of an API: GET /v1/experiments with columns, page after page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from mldash.answers.shapes import FieldAnswer
from mldash.remote.transport import Transport

from .asked import PREFIX, AskedRuns
from .rows import RunRow

_FIRST_PAGE: Final = 1_000
"""Rows: who looks at some does not wait for many."""
_PAGE: Final = 10_000


class ApiAnswer:
    """Of one question; every page knows the count."""

    def __init__(self, transport: Transport, asked: AskedRuns) -> None:
        self._transport = transport
        self._count: int | None = None
        # A query can't say "no columns": of whole runs each answer would be long, of one column it is short.
        fields = [*asked.columns] or [PREFIX]
        self._query = {"filter": asked.filter_text, "sort": asked.sort_text, "fields": fields}

    def count(self) -> int:
        if self._count is None:
            self._count = int(self.page(0, None)["count"])
        return self._count

    def pages(self, limit: int | None) -> Iterator[list[RunRow]]:
        return _Pages(self, limit)

    def page(self, limit: int, cursor: str | None) -> dict[str, Any]:
        found: dict[str, Any] = self._transport.get(
            "/v1/experiments", {**self._query, "limit": limit, "cursor": cursor}
        )
        if self._count is None:
            self._count = found["count"]
        return found


class _Pages:
    """It moves when a page is there: one that was not answered is asked for again, which no generator could."""

    def __init__(self, answer: ApiAnswer, limit: int | None) -> None:
        self._answer, self._limit = answer, limit
        self._given, self._size = 0, _FIRST_PAGE
        self._cursor: str | None = None
        self._is_over = False

    def __iter__(self) -> Iterator[list[RunRow]]:
        return self

    def __next__(self) -> list[RunRow]:
        if self._is_over or (self._limit is not None and self._given >= self._limit):
            raise StopIteration
        size = self._size if self._limit is None else min(self._size, self._limit - self._given)
        answer = self._answer.page(size, self._cursor)
        rows = [RunRow(one["prefix"], _without_prefix(one["values"])) for one in answer["experiments"]]
        self._given, self._cursor, self._size = self._given + len(rows), answer["next"], _PAGE
        self._is_over = self._cursor is None
        return rows


class ApiRuns:
    """A RunSource. Thread-safe."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def ask(self, asked: AskedRuns) -> ApiAnswer:
        return ApiAnswer(self._transport, asked)

    def fields(self, prefix: str, limit: int) -> list[FieldAnswer]:
        answer = self._transport.get("/v1/fields", {"prefix": prefix, "limit": limit})
        found: list[FieldAnswer] = answer["fields"]
        return found


def _without_prefix(values: dict[str, Any]) -> dict[str, Any]:
    values.pop(PREFIX, None)
    return values
