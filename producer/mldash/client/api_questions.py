"""What a Client asks of an API alone: local folders raise NeedsApi."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from mldash.answers.asked import checked_count
from mldash.answers.audited import AuditAnswer
from mldash.answers.shapes import AnnotatedAnswer, Comparison, GrantAnswer, Parted
from mldash.events.identity import parse_prefix
from mldash.events.moments import Moment, checked_moment
from mldash.process.learnt_types import learnt

from .requests import prefixes_of, view_query_of

if TYPE_CHECKING:
    from mldash.remote.streaming import OpenAnswer
    from mldash.remote.transport import Transport

GridStatistic = Literal["least", "greatest", "first", "last", "mean", "count", "missing"]
GridOver = Literal["mean", "median", "min", "max", "se", "ci"]
_COLUMNS: Final = 1_000
_AUDIT_S: Final = 60.0
_SILENT_S: Final = 120.0
"""Of a file that is sent as it is read: so long its next piece may take."""
_PARTED: Final = learnt(Parted)


class ApiQuestions:
    """Of a Client."""

    @abstractmethod
    def _api(self, asked: str) -> Transport:
        """Raises NeedsApi over folders."""

    def compare(self, prefixes: Sequence[str], *, everything: bool = False) -> Comparison:
        """Parameters, context and statistics of up to 100 runs side by side: the rows in which they differ, or all.

        Raises NeedsApi over folders, and as reads do.
        """
        query = {"prefixes": prefixes_of(prefixes), "everything": "true" if everything else "false"}
        found: Comparison = self._api("compare()").get("/v1/compare", query)
        return found

    def parted(
        self,
        one: str,
        two: str,
        metric: str | None,
        field: str,
        x: str = "index",
        start: Moment | None = None,
        end: Moment | None = None,
        points: int = _COLUMNS,
        *,
        together: int = 5,
        filter: str | Sequence[str] | None = None,
    ) -> Parted:
        """From which x on two runs go ways of their own: their bands of least and greatest value lie apart, on the same
        side, for `together` pixel columns in turn.

        `found` is "parted", "never" or "no common x"; `x` is exact; `above` says which run (0 or 1) lies above.
        `metric` None is the unnamed one; x, start, end, points and filter are those of `metrics(name).view`.
        Raises NeedsApi over folders, ValueError, and as reads do.
        """
        api = self._api("parted()")
        view = view_query_of(metric, field, x, start, end, points, filter)
        wanted = {**view, "prefixes": prefixes_of([one, two]), "field": view["fields"][0], "fields": None}
        wanted["together"] = checked_count(together, "together")
        return msgspec.convert(api.get("/v1/compare/parted", wanted), _PARTED)

    def grid(
        self,
        prefixes: Sequence[str],
        metric: str | None,
        fields: str | Sequence[str] | None = None,
        x: str = "index",
        start: Moment | None = None,
        end: Moment | None = None,
        points: int = _COLUMNS,
        *,
        statistics: Sequence[GridStatistic] | None = None,
        filter: str | Sequence[str] | None = None,
        expressions: Sequence[str] = (),
        group: Sequence[str] = (),
        over: Sequence[GridOver] = (),
        format: Literal["lists", "arrow"] = "lists",
    ) -> Any:
        """One metric of up to 100 runs in the same pixel columns, so that a chart needs one x.

        `expressions` over its fields ("log10(loss)") are drawn beside them. With `group` (fields of runs) or `over` the
        answer has a line and a band a group in place of a line a run. `statistics` None: least and greatest; of groups
        the mean.

        "lists": {"x", "edges", "runs", "series"} (answers/shapes.py, MetricGrid), NaN where there is no number.
        "arrow": a pyarrow.Table, a row a pixel column, whose metadata says which run, field and statistic a column is
        (docs/http.md, Grids). `metric` None is the unnamed one; fields, x, start, end, points and filter are those of
        `metrics(name).view`.
        Raises NeedsApi over folders, ValueError, PackageMissing, and as reads do.
        """
        api = self._api("grid()")
        query = view_query_of(metric, fields, x, start, end, points, filter)
        query |= {"prefixes": prefixes_of(prefixes), "statistics": statistics and list(statistics)}
        query |= {"expression": list(expressions), "group": list(group), "over": list(over)}
        if format == "lists":
            return api.get("/v1/metrics/grid", query)
        if format != "arrow":
            raise ValueError(f"format {format!r}: use lists or arrow")
        from mldash.answers.columns import check_package
        from mldash.remote.queries import ARROW

        check_package(format)
        import pyarrow

        return pyarrow.ipc.open_stream(api.get_file("/v1/metrics/grid", ARROW, query)).read_all()

    def audit(self, prefix: str) -> AuditAnswer:
        """Whether all that was written to a run is stored, once: `verdict` is "ok", "set aside" or "not ok"; each of
        `findings` names its place. It reads everything, a minute at most. Raises NeedsApi over folders, ValueError for
        a bad prefix, and as reads do."""
        query = {"prefix": parse_prefix(prefix).text}
        found: AuditAnswer = self._api("audit()").get("/v1/audit", query, wait=_AUDIT_S)
        return found

    def lines(
        self,
        prefixes: Sequence[str],
        *,
        level: str | Sequence[str] | None = None,
        rank: int | Sequence[int] | None = None,
        search: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        limit: int = 1_000,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Log lines of up to 100 runs, merged by time: {"lines", "next"}; each line says its `prefix`, `session` and
        `rank`. `rank`: of processes with these ranks alone. `next` is the `cursor` of the page behind, None at the end.

        Raises NeedsApi over folders, ValueError, and as reads do.
        """
        query: dict[str, Any] = {"prefixes": prefixes_of(prefixes), "level": level, "search": search, "cursor": cursor}
        query |= {"rank": [rank] if isinstance(rank, int) else rank, "limit": checked_count(limit, "limit")}
        query |= {"start": checked_moment(start, "start"), "end": checked_moment(end, "end")}
        found: dict[str, Any] = self._api("lines()").get("/v1/logs", query)
        return found

    def annotate(
        self,
        prefix: str,
        *,
        notes: str | None = None,
        add_note: str = "",
        add_tags: Sequence[str] = (),
        remove_tags: Sequence[str] = (),
        dry_run: bool = False,
    ) -> AnnotatedAnswer:
        """Set the notes of a run, or add a paragraph below those that are there by then; add and take away tags:
        {"tags", "notes", "title", "archived", "changed"} as they are then; with `dry_run` as they would be. What stood
        there before stays in the run's history.

        Raises NeedsApi over folders, ValueError for a bad prefix, and as reads do.
        """
        asked: dict[str, Any] = {"prefixes": [parse_prefix(prefix).text], "dry_run": dry_run}
        asked |= {"notes": notes, "add_tags": [*add_tags], "remove_tags": [*remove_tags]}
        if add_note:  # an API of before it refuses the name
            asked["add_note"] = add_note
        answer = self._api("annotate()").change("POST", "/v1/experiments/change", asked)
        found: AnnotatedAnswer = answer["experiments"][0]
        return found

    def grants(self) -> list[GrantAnswer]:
        """What this client may do over the API: {"right", "scope"} each, the scope "" for everything. Raises NeedsApi
        over folders, and as reads do."""
        found: list[GrantAnswer] = self._api("grants()").get("/v1/me")["grants"]
        return found

    def _open_file(self, path: str, query: Mapping[str, Any]) -> OpenAnswer:
        """An answer that is a file of any length, read as it comes; whoever gets it closes it. Raises NeedsApi over
        folders, and as reads do."""
        return self._api("an export of points and entries").open(path, query, {}, _SILENT_S)
