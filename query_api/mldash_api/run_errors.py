"""The errors of searching and auditing runs, of charts, and of changing what people say of runs; errors.py has all
others.

ApiError
  WrongFilter      a filter, or a field that is asked for, is none: the character, what stands there, what was expected
  WrongExpression  likewise an expression over the fields of a metric
  QueryTooLong     a search or grouping takes longer than a setting allows
  ChartTooLong     the columns of a chart take longer than a setting allows
  AuditTooLong     an audit takes longer than a setting allows
  IndexBuilding    the index of runs is being read for the first time: ask again
  ChangeOvertaken  others changed the same experiment, or saved view, in every attempt to change it
  DamagedRun       the files of a local run can't be read: what is in the way
"""

from typing import Any

from mldash.query.errors import FilterError

from .errors import ApiError


class _AtCharacter(Exception):
    """`parameter` holds the text; `error` says where it goes wrong."""

    def __init__(self, parameter: str, error: FilterError) -> None:
        super().__init__(parameter, error)
        self.parameter, self.error = parameter, error

    def __str__(self) -> str:
        return f"{self.parameter}, {self.error}"

    def members(self) -> dict[str, Any]:
        error = self.error
        return {
            "parameter": self.parameter,
            "position": error.position,
            "found": error.found,
            "expected": list(error.expected),
        }


class WrongFilter(_AtCharacter, ApiError):
    """Of a filter, or of a field that is asked for."""

    status, type, title = 400, "wrong-filter", "Wrong filter"


class WrongExpression(_AtCharacter, ApiError):
    """Of an expression over the fields of a metric."""

    status, type, title = 400, "wrong-expression", "Wrong expression"


class QueryTooLong(ApiError):
    """`limit_s`: how long it may take."""

    status, type, title = 422, "query-too-long", "The query takes too long"

    def __init__(self, limit_s: float) -> None:
        super().__init__(limit_s)
        self.limit_s = limit_s

    def __str__(self) -> str:
        return (
            f"the query takes longer than {self.limit_s:g} s: ask for less (a shorter filter, fewer groups and values)"
        )


class ChartTooLong(ApiError):
    """`limit_s`: how long it may take."""

    status, type, title = 422, "chart-too-long", "The chart takes too long"

    def __init__(self, limit_s: float) -> None:
        super().__init__(limit_s)
        self.limit_s = limit_s

    def __str__(self) -> str:
        return (
            f"its columns take longer than {self.limit_s:g} s: ask for fewer experiments or fields, for a part by "
            '`start` and `end`, or by x="index" in place of another field'
        )


class AuditTooLong(ApiError):
    """`limit_s`: how long it may take; `prefix` is the experiment's."""

    status, type, title = 422, "audit-too-long", "The audit takes too long"

    def __init__(self, limit_s: float, prefix: str) -> None:
        super().__init__(limit_s, prefix)
        self.limit_s, self.prefix = limit_s, prefix

    def __str__(self) -> str:
        return (
            f"its events are read for longer than {self.limit_s:g} s, or others' are: `mldash audit {self.prefix}` on "
            "the servers' side takes its time"
        )


class IndexBuilding(ApiError):
    """`runs`: those that it has read; `trouble`: by what the last attempt to read them failed, "" where none did."""

    retriable = True
    status, type, title = 503, "index-building", "The index of runs is being built"

    def __init__(self, runs: int, trouble: str) -> None:
        super().__init__(runs, trouble)
        self.runs, self.trouble = runs, trouble

    def __str__(self) -> str:
        failed = (
            f"; the last attempt failed by {self.trouble}, of which the API's log says more" if self.trouble else ""
        )
        return f"the index of runs is being built, {self.runs} are read so far: ask again{failed}"

    def members(self) -> dict[str, Any]:
        return {"runs": self.runs}


class ChangeOvertaken(ApiError):
    """`what`: the experiment's prefix, or the view's id."""

    retriable = True
    status, type, title = 503, "change-overtaken", "Others changed the same"

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return f"others changed {self.what} in every attempt to change it: send the change again"


class DamagedRun(ApiError):
    """Of `mldash view`: files of one run."""

    status, type, title = 500, "run-damaged", "A run can't be read"

    def __init__(self, prefix: str, reason: str) -> None:
        super().__init__(prefix, reason)
        self.prefix, self.reason = prefix, reason

    def __str__(self) -> str:
        return f"{self.prefix} can't be read: {self.reason}. All other runs can be read"
