"""What is asked of the live stream. Without a store: local mode takes the same."""

from typing import Annotated, Any, Final, Literal, TypedDict

from litestar import Request
from litestar.params import QueryParameter
from msgspec import field

from mldash_api.errors import WrongParameter
from mldash_api.limits import DEFAULT_EXPERIMENTS
from mldash_api.live.asked import TOLD, Asked, Told
from mldash_api.live.tables.asked import AskedTable

_LAST_EVENT_ID: Final = "last-event-id"


def provide_asked(
    prefix: Annotated[list[str] | None, QueryParameter(description="Experiments, there or not; several.")] = None,
    scopes: Annotated[
        list[str] | None,
        QueryParameter(name="scope", description="Owners and projects: all experiments below; several."),
    ] = None,
    kind: Annotated[
        list[Told] | None, QueryParameter(description=f"What is told: {', '.join(TOLD)}; several. All by default.")
    ] = None,
    metric: Annotated[
        list[str] | None, QueryParameter(description="Patterns of metrics' names (`train/*`); several. All by default.")
    ] = None,
    topic: Annotated[list[str] | None, QueryParameter(description="Likewise of tracks.")] = None,
    level: Annotated[list[str] | None, QueryParameter(description="Of log lines; several. All by default.")] = None,
    nonfinite: Annotated[
        Literal["null", "string"], QueryParameter(description="NaN and infinities: null, or strings.")
    ] = "null",
    until: Annotated[
        Literal["end"] | None, QueryParameter(description="`end`: close when every experiment's run has ended.")
    ] = None,
    fields: Annotated[
        list[str] | None, QueryParameter(description="Rows of a table of runs are told, with these columns.")
    ] = None,
    filter: Annotated[str | None, QueryParameter(description="Of the table: runs that pass.")] = None,
    sort: Annotated[str | None, QueryParameter(description="Of the table: a field; `-` before it: descending.")] = None,
    limit: Annotated[int | None, QueryParameter(description="Of the table: its first rows.")] = None,
    pending: Annotated[
        bool, QueryParameter(description="Also events that Kafka has acknowledged and that are not stored yet.")
    ] = False,
) -> Asked:
    """Raises WrongParameter."""
    if fields is None and not (filter is None and sort is None and limit is None):
        raise WrongParameter("fields", "name the columns of the table")
    table = None
    if fields is not None:
        most = DEFAULT_EXPERIMENTS if limit is None else limit
        table = AskedTable(fields=tuple(fields), filter=filter, sort=sort, limit=most)
    return Asked(
        prefixes=tuple(prefix or ()),
        scopes=tuple(scopes or ()),
        kinds=tuple(kind or TOLD),
        metrics=tuple(metric or ()),
        topics=tuple(topic or ()),
        levels=tuple(level or ()),
        nonfinite=nonfinite,
        until=until,
        table=table,
        pending=pending,
    )


AfterText = Annotated[
    str | None, QueryParameter(description="The id of the last event that the listener has; or in Last-Event-ID.")
]
FromText = Annotated[
    str, QueryParameter(name="from", description="Without an id: `now`, `start`, or an index of each stream.")
]
NameText = Annotated[
    str | None,
    QueryParameter(name="id", description="A name of the caller's own, by which PUT changes what is listened to."),
]


class ChangedPage(TypedDict):
    """The event `changed` of this number comes when it has taken effect."""

    change: int


class AskedPage(Asked, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """What is listened to from now on. Nothing at all: the stream ends, and is told to stop."""

    start: str = field(default="now", name="from")
    """Where what was not listened to before begins: `now`, `start`, an index."""


def after_of(request: Request[Any, Any, Any], after: str | None) -> str | None:
    """The header is newer than the address: a browser sends it when it comes back by itself."""
    return request.headers.get(_LAST_EVENT_ID) or after or None
