"""A run as a row, and what gives rows: an API or folders, alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from msgspec import Struct

from mldash.answers.shapes import FieldAnswer

from .asked import AskedRuns


class RunRow(Struct, frozen=True):
    """One run. `values`: column → value, as it was logged; times are ISO 8601 in UTC. A run without such a field has
    no value of it: `row["params.lr"]` then raises KeyError, `row.get("params.lr")` gives None."""

    prefix: str
    values: dict[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.prefix if column == "prefix" else self.values[column]

    def get(self, column: str, default: Any = None) -> Any:
        """The value of a column; `default` where the run has none."""
        return self.prefix if column == "prefix" else self.values.get(column, default)


class Answer(Protocol):
    """Of one question."""

    def count(self) -> int:
        """How many runs pass."""
        ...

    def pages(self, limit: int | None) -> Iterator[list[RunRow]]:
        """The first `limit` rows, page after page; None: all. Where a page behind the first raises, the next call asks
        for it again."""
        ...


class RunSource(Protocol):
    """Where runs are asked for."""

    def ask(self, asked: AskedRuns) -> Answer: ...

    def fields(self, prefix: str, limit: int) -> list[FieldAnswer]: ...
