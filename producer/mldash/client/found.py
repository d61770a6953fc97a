"""The runs that pass a filter: rows in their order, fetched page after page as they are used, each kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .asked import AskedRuns
from .rows import Answer, RunRow


class FoundRuns:
    """The runs of `client.runs(…)`: an iterable of RunRow that can be gone through again. Nothing is asked before it is
    used, and each page once. For one thread."""

    def __init__(self, answer: Answer, asked: AskedRuns, limit: int | None) -> None:
        self._answer, self._asked, self._limit = answer, asked, limit
        self._pages = answer.pages(limit)
        self._rows = list[RunRow]()
        self._is_whole = False

    @property
    def columns(self) -> list[str]:
        """The columns of rows, beside `prefix`."""
        return [name for name in self._asked.columns if name != "prefix"]

    def __iter__(self) -> Iterator[RunRow]:
        at = 0
        while True:
            while at < len(self._rows):
                yield self._rows[at]
                at += 1
            if not self.fetch():
                return

    def __len__(self) -> int:
        """How many rows there are: `count()`, and at most the limit."""
        if self._is_whole:
            return len(self._rows)
        count = self.count()
        return count if self._limit is None else min(count, self._limit)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __repr__(self) -> str:
        asked = self._asked
        return f"<FoundRuns {asked.filter_text or 'all'!r} by {asked.sort_text}>"

    @property
    def fetched(self) -> list[RunRow]:
        """The rows of the pages that were asked for until now."""
        return self._rows

    def count(self) -> int:
        """How many runs pass, whatever the limit is; only this is asked for where no row was used yet.

        Raises as reads do: ServerUnreachable, RequestRefused.
        """
        return self._answer.count()

    def to_list(self) -> list[RunRow]:
        """All rows."""
        while self.fetch():
            pass
        return [*self._rows]

    def to_arrow(self) -> Any:
        """A pyarrow.Table: `prefix` and a column each, null where a run has no value. Times are timestamps (UTC,
        microseconds); the types of other columns follow from their values, as those of reads do: what is mixed is JSON
        text. Raises PackageMissing (an ImportError)."""
        from .tables import arrow_table

        return arrow_table(self.to_list(), self.columns, self._asked.times)

    def to_pandas(self) -> Any:
        """A DataFrame with the prefix as its index; whole numbers stay whole where a run has none (Int64). What is
        mixed stays as it was logged. Raises PackageMissing."""
        from .tables import pandas_frame

        return pandas_frame(self.to_list(), self.columns, self._asked.times)

    def to_polars(self) -> Any:
        """A Polars DataFrame of the columns and types of `to_arrow()`. Raises PackageMissing."""
        from .tables import polars_frame

        return polars_frame(self.to_list(), self.columns, self._asked.times)

    def fetch(self) -> bool:
        """The next page; whether there was one. After an error it can be asked for again."""
        try:
            page = None if self._is_whole else next(self._pages, None)
        except BaseException:
            if not self._rows:
                self._pages = self._answer.pages(self._limit)  # a generator that has raised says that it is at its end
            raise
        if page is None:
            self._is_whole = True
            return False
        self._rows += page
        return True
