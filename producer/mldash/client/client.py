"""`Client`: what a user holds to find runs, to read and to compare them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from mldash.answers.asked import checked_count
from mldash.answers.shapes import FieldAnswer
from mldash.events.identity import parse_prefix
from mldash.process.environment import read_settings
from mldash.session.jobs import without_job
from mldash.settings import SdkSettings

from .api_questions import ApiQuestions
from .asked import asked_runs
from .errors import NeedsApi
from .found import FoundRuns
from .rows import RunSource

if TYPE_CHECKING:
    from mldash.answers.rows import NonFinite
    from mldash.query.explaining import Explanation
    from mldash.remote.transport import Transport

    from .groups import Groups
    from .live.asked import Start, Told
    from .live.listener import Live
    from .open_run import OpenRun

_MOST_NAMES: Final = 10_000


class Client(ApiQuestions):
    """Runs of an API or of local folders, by one grammar (docs/query.md).

        client = Client("http://127.0.0.1:8000")
        for run in client.runs('status = "FAILED" and params.lr < 1e-3', columns=["params.lr"]):
            print(run.prefix, run["params.lr"])

    It holds nothing open between calls, and may be used from any thread.
    """

    def __init__(
        self,
        where: str | os.PathLike[str] | None = None,
        *,
        root: str | os.PathLike[str] | None = None,
        remote: str | None = None,
        token: str | None = None,
        token_over_http: bool | None = None,
    ) -> None:
        """`where`: an API's address (http://… or https://…), or a folder; `remote` and `root` say outright which one.
        With none of them, what the environment says: MLDASH_REMOTE, else MLDASH_ROOT, else `.dash`. The token is that
        of an `Experiment`: given, or MLDASH_TOKEN.

        Raises NoSuchFolder, SettingError, ValueError (an address that is none; two places at once).
        """
        if sum(one is not None for one in (where, root, remote)) > 1:
            raise ValueError("one place: Client('http://…') or Client('.dash'), not two")
        if isinstance(where, str) and where.lower().startswith(("http://", "https://")):
            remote = where
        elif where is not None:
            root = where
        given = {"remote": remote, "token": token, "token_over_http": token_over_http}
        given["root"] = None if root is None else os.fspath(root)
        settings = read_settings(SdkSettings, "", given={k: v for k, v in given.items() if v is not None})
        self._open(settings, is_local=root is not None)

    @classmethod
    def of(cls, settings: SdkSettings, root: str | os.PathLike[str] | None = None) -> Client:
        """By settings that were read elsewhere; `root` makes it local. Raises as `Client()`."""
        client = cls.__new__(cls)
        if root is not None:
            settings = msgspec.structs.replace(settings, root=os.fspath(root))
        client._open(settings, is_local=root is not None)
        return client

    @classmethod
    def over(cls, transport: Transport, settings: SdkSettings) -> Client:
        """Of the API that this transport asks, as which it asks."""
        from .api_runs import ApiRuns

        client = cls.__new__(cls)
        client._settings, client._transport, client._runs = settings, transport, ApiRuns(transport)
        client._reads_by_transport = True
        return client

    def _open(self, settings: SdkSettings, *, is_local: bool) -> None:
        self._settings, self._reads_by_transport = settings, False
        self._transport: Transport | None = None
        self._runs: RunSource
        if settings.remote is not None and not is_local:
            from mldash.remote.transport import Transport

            from .api_runs import ApiRuns

            self._transport = Transport.of(settings, settings.remote)
            self._runs = ApiRuns(self._transport)
            return
        from .folder_runs import FolderRuns

        self._root = Path(settings.root).expanduser().absolute()
        self._runs = FolderRuns(self._root)

    def __repr__(self) -> str:
        return f"<Client {self.where}>"

    @property
    def where(self) -> str:
        """The API's address without credentials, or the folder's whole path."""
        return str(self._root) if self._transport is None else self._transport.address

    # -- finding

    def runs(
        self,
        filter: str | None = None,
        sort: str = "-started",
        columns: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> FoundRuns:
        """The runs that pass the filter, None: all, in the order of any field, with `-` before it descending.

        `columns`: fields of each row; None: status, started, duration, and what filter and order ask for. Nothing is
        read before the rows are used; an API gives them page after page.
        Raises FilterError for a filter or field that is none, ValueError for a negative limit; using the rows raises
        as reads do.
        """
        most = None if limit is None else checked_count(limit, "limit")
        asked = asked_runs(filter, sort, columns)
        return FoundRuns(self._runs.ask(asked), asked, most)

    def fields(self, prefix: str = "", limit: int = 100) -> list[FieldAnswer]:
        """Fields that a filter can ask for and whose names begin so: {"field", "kinds", "runs"}, those that most runs
        have first. Raises ValueError for a limit above 10,000, and as reads do."""
        if checked_count(limit, "limit") > _MOST_NAMES:
            raise ValueError(f"limit is {limit}, at most {_MOST_NAMES} are given")
        return self._runs.fields(prefix, limit)

    def groups(self, filter: str | None = None, *, by: str | Sequence[str], values: str | Sequence[str] = ()) -> Groups:
        """The runs that pass the filter, in groups by one field or, within each other, by several (at most 4), and in
        each the statistics of the fields `values` (at most 10): count, mean, median, min, max, and the 95 % bootstrap
        interval of the mean.

        Raises NeedsApi over folders, FilterError for a filter or field that is none, and as reads do.
        """
        from .groups import groups_of

        api = self._api("groups()")
        fields = [[one] if isinstance(one, str) else list(dict.fromkeys(one)) for one in (by, values)]
        asked_runs(filter, fields[0][0] if fields[0] else "", [*fields[0], *fields[1]])
        query = {"filter": filter, "group": fields[0], "values": fields[1] or None}
        return groups_of(api.get("/v1/experiments", query), *fields)

    def explain(self, filter: str) -> Explanation:
        """What a filter reads, and when a run passes it: {"version", "filter", "words", "reads"}. Nothing is asked of
        a server. Raises FilterError."""
        from mldash.query.explaining import explain
        from mldash.query.parsing import parse

        return explain(parse(filter))

    # -- one run

    def run(self, prefix: str) -> OpenRun:
        """One run, for reading. Nothing is read yet. Raises ValueError for a bad prefix."""
        from mldash.experiment import Experiment

        from .open_run import OpenRun

        named = without_job(parse_prefix(prefix).text)
        if self._transport is None:
            return OpenRun(Experiment(named, mode="local", root=self._root))
        settings, transport = self._settings, self._transport
        experiment = Experiment(
            named,
            mode="remote",
            remote=transport.address,
            token=settings.token,
            token_over_http=settings.token_over_http,
        )
        return OpenRun(experiment, transport if self._reads_by_transport else None)

    # -- what is new

    def live(
        self,
        prefixes: str | Sequence[str] = (),
        *,
        scopes: str | Sequence[str] = (),
        kinds: Told | Sequence[Told] = (),
        metrics: str | Sequence[str] = (),
        topics: str | Sequence[str] = (),
        levels: str | Sequence[str] = (),
        nonfinite: NonFinite = "null",
        until: Literal["end"] | None = None,
        start: Start = "now",
        columns: str | Sequence[str] = (),
        filter: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        pending: bool = False,
        after: str | None = None,
        changeable: bool = False,
        patience_s: float = 300.0,
    ) -> Live:
        """What is new in runs, as typed events, once and in order; docs/http.md, Live, says what each one means.

        `prefixes`: runs, there or not yet; `scopes`: owners and projects, with every run below them. `kinds`: points,
        entries, lines, params, status, fields (none: all). `metrics`, `topics`: patterns of names, as of files.
        `nonfinite`: NaN and infinities as None, or as strings. `until="end"`: the loop ends when every run has.
        `start`: "now", "start", or an index of each stream; `after`: a `live.id`, behind which it goes on instead.
        `columns`: a table of runs is told too, as TableRows when a row of it comes, changes or goes: those of all that
        one may read which pass `filter`, in the order of `sort`, the first `limit` (100), whatever else is listened to.
        `pending`: what Kafka has acknowledged and is not stored yet is told too, as Pending.
        `changeable`: whether `live.change(…)` will be used. Over an API a connection that breaks is made again, at once
        and then less and less often, for `patience_s` seconds at most.

        Nothing is asked before the first event is. Raises ValueError for what can't be listened to, and for a table
        or pending events over folders; FilterError for a filter or field that is none.
        """
        from .live.asked import asked_live
        from .live.listener import Live

        asked = asked_live(
            prefixes,
            scopes=scopes,
            kinds=kinds,
            metrics=metrics,
            topics=topics,
            levels=levels,
            nonfinite=nonfinite,
            until=until,
            start=start,
            columns=columns,
            filter=filter,
            sort=sort,
            limit=limit,
            pending=pending,
        )
        if self._transport is None:
            from .live.over_folder import FolderEvents, below

            return Live(FolderEvents(partial(below, self._root), asked, after), asked)
        from .live.over_api import ApiEvents

        return Live(ApiEvents(self._transport, asked, after, patience_s, changeable=changeable), asked)

    def _api(self, asked: str) -> Transport:
        """Raises NeedsApi over folders."""
        if self._transport is None:
            raise NeedsApi(asked, str(self._root))
        return self._transport
