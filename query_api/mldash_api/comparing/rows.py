"""Rows of a comparison (mldash.answers.runs.compared_rows.py), as many as an answer may hold."""

from collections.abc import Mapping, Sequence
from typing import Any

from mldash.answers.runs.compared_rows import Row, Run, rows_of
from mldash_api.errors import AnswerTooLarge
from mldash_api.limits import MOST_COMPARED

Key = tuple[str | None, str, str]
"""A metric, a field, a statistic."""


class Rows:
    """Of the runs that are there; counts what the answer holds."""

    def __init__(self, runs: Sequence[Run], count: int, everything: bool) -> None:
        self._runs, self._count, self._everything, self._held = runs, count, everything, 0

    def of(self, found: Mapping[Run, Mapping[Any, Any]]) -> list[Row]:
        """Raises AnswerTooLarge."""
        rows = list[Row]()
        for row in rows_of(found, self._runs, self._count, everything=self._everything):
            self._held += self._count
            if self._held > MOST_COMPARED:
                raise AnswerTooLarge(self._held, MOST_COMPARED, "ask for fewer experiments")
            rows.append(row)
        return rows
