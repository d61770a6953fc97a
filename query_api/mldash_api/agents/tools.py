"""The tools: names, arguments and descriptions, as clients are told them. What each does stands in a file of its own.

Reads block, so each runs in a thread. Whatever it raises that a caller can mend becomes a ToolError, whose text is
short enough for every budget.
"""

import asyncio
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Annotated, Any, Final, ParamSpec

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, ContentBlock, ImageContent, TextContent, ToolAnnotations
from pydantic import Field

from mldash.client.client import Client
from mldash.errors import MldashError
from mldash_api.errors import ApiError

from .audited import audit_run
from .backing import Backing, backing_of
from .budget import LEAST, MOST, USUAL, Answer, Structured
from .changing import CHANGING, note, tag
from .compared import compare_runs, where_parted
from .describing import describe_run
from .errors import AgentError
from .finding import fields, find_runs
from .lines import read_logs
from .metrics import read_exactly, read_metric
from .ranked_lines import read_ranked
from .texts import beginning, clean
from .threads import in_thread
from .waiting.waiting import MOST_RUNS, Waiting, What
from .waiting.watching import until

_MOST_ERROR: Final = 900
_MOST_TIMEOUT_S: Final = 3_600.0

Told = Annotated[CallToolResult, Structured]
Budget = Annotated[
    int, Field(ge=LEAST, le=MOST, description="Characters of the whole answer at most; four are about one token.")
]
Run = Annotated[str, Field(max_length=1_024, description="A run's prefix: owner/project/name.")]
Runs = Annotated[list[Run], Field(max_length=100)]
Name = Annotated[str, Field(max_length=1_024)]
FilterText = Annotated[
    Name | None,
    Field(
        max_length=8_192,
        description='Conditions such as: status = "FAILED" and params.lr < 1e-3 and metrics.eval.acc.max > 0.9; '
        "with and, or, not, in, has, contains, exists, is nan. None: all runs.",
    ),
]
Metric = Annotated[Name | None, Field(description="The metric's name; null is the unnamed one.")]
Bound = Annotated[
    float | int | Name | None, Field(description="Inclusive, in units of x; of time seconds or ISO 8601 text.")
]
X = Annotated[Name, Field(description='"index", "time", or a field of the metric such as "step".')]

_Arguments = ParamSpec("_Arguments")


class Tools:
    """Each method is a tool of its name."""

    def __init__(self, client_of: Callable[[], Client], ending: asyncio.Event) -> None:
        """`client_of`: the client of the call in hand. `ending`: who waits is told "not yet" at once."""
        self._client_of, self._ending = client_of, ending

    @property
    def _client(self) -> Client:
        return self._client_of()

    @property
    def _backing(self) -> Backing:
        return backing_of(self._client_of())

    async def find_runs(
        self,
        filter: FilterText = None,
        sort: Annotated[Name, Field(description="A field, with - before it descending.")] = "-started",
        columns: Annotated[
            list[Name] | None,
            Field(max_length=100, description="Fields such as params.lr, metrics.eval.acc.max; null: the usual ones."),
        ] = None,
        limit: Annotated[int, Field(ge=0, le=1_000)] = 50,
        offset: Annotated[int, Field(ge=0)] = 0,
        budget: Budget = USUAL,
    ) -> Told:
        """Find runs by a filter, in the order of any field, with chosen columns; and how many there are by status.
        For the best run sort by a statistic, as in sort="-metrics.eval.acc.max". `fields` lists what can be asked."""
        return await _read(find_runs, self._client, filter, sort, columns, limit, offset, budget)

    async def describe_run(self, run: Run, budget: Budget = USUAL) -> Told:
        """Tell of one run: status, processes with their ranks, errors, metrics with their figures, params, context."""
        return await _read(describe_run, self._client, run, budget)

    async def compare_runs(self, runs: Runs, budget: Budget = USUAL) -> Told:
        """Tell in what two or more runs differ: params, figures of metrics, context. What is the same is left out."""
        return await _read(compare_runs, self._client, self._backing, runs, budget)

    async def read_metric(
        self,
        runs: Runs,
        metric: Metric = None,
        fields: Annotated[list[Name] | None, Field(max_length=256, description="null: all with numbers.")] = None,
        x: X = "index",
        start: Bound = None,
        end: Bound = None,
        columns: Annotated[int, Field(ge=1, le=2_000, description="Columns of the view at most.")] = 40,
        exact: Annotated[
            bool, Field(description="The points themselves, by index, of one run, in place of a view.")
        ] = False,
        picture: Annotated[bool, Field(description="A PNG of the view beside the text, of at most 60 KB.")] = False,
        budget: Budget = USUAL,
    ) -> Told:
        """Read a metric of one or several runs on one grid: of each column the least, greatest, first and last number
        and the count; where NaN lie, by index. No extreme is lost, however coarse the columns. With exact=true the
        points from start to end as they were logged."""
        if exact:
            if x != "index":
                raise ToolError("argument x: points are read exactly by their index; leave x out")
            if picture:
                raise ToolError("argument picture: a view is drawn, not exact points; leave exact out")
            return await _read(read_exactly, self._client, runs, metric, fields, (start, end), budget)
        asked = (runs, metric, fields, x, (start, end), columns, budget)
        return await _read(read_metric, self._client, self._backing, *asked, picture=picture)

    async def where_parted(
        self,
        one: Run,
        two: Run,
        field: Annotated[Name, Field(description="Of the metric.")],
        metric: Metric = None,
        x: X = "index",
        start: Bound = None,
        end: Bound = None,
        columns: Annotated[
            int,
            Field(ge=1, le=10_000, description="What is drawn in as many; few are sure, many find a short parting."),
        ] = 50,
        together: Annotated[int, Field(ge=1, le=1_000, description="Columns in turn that have to lie apart.")] = 5,
        budget: Budget = USUAL,
    ) -> Told:
        """Tell from which x on two runs go ways of their own in one field, which lies above, and which params differ.
        A metric of few points wants a small `together`."""
        runs, bounds, how = (one, two), (start, end), (columns, together)
        return await _read(where_parted, self._client, self._backing, runs, metric, field, x, bounds, *how, budget)

    async def read_logs(
        self,
        run: Run,
        level: Annotated[
            list[Name] | None, Field(max_length=10, description="Of debug, info, warn, error, fatal.")
        ] = None,
        text: Annotated[Name | None, Field(description="What the message holds, in any case.")] = None,
        around: Annotated[
            Name | None, Field(description="A time (ISO 8601): the lines from a minute before to a minute behind it.")
        ] = None,
        offset: Annotated[
            int | None, Field(ge=0, description="From this one of the lines that fit; null: the newest.")
        ] = None,
        limit: Annotated[int, Field(ge=1, le=1_000)] = 50,
        rank: Annotated[
            list[Annotated[int, Field(ge=0, le=1_000_000)]] | None,
            Field(max_length=100, description="Of processes with these ranks alone, over an API."),
        ] = None,
        budget: Budget = USUAL,
    ) -> Told:
        """Read log lines: the newest (what stood there before a crash), by level, text and rank, around a moment, or
        from an offset on."""
        if rank:
            asked = (level, text, around, offset, limit, budget)
            return await _read(read_ranked, self._client, run, rank, *asked)
        return await _read(read_logs, self._client, run, level, text, around, offset, limit, budget)

    async def fields(
        self,
        prefix: Annotated[Name, Field(description='Such as "params." or "metrics.eval".')] = "",
        limit: Annotated[int, Field(ge=1, le=1_000)] = 100,
        budget: Budget = USUAL,
    ) -> Told:
        """List the fields that filters, sort and columns can name and that begin with a prefix, with how many runs
        have each."""
        return await _read(fields, self._client, prefix, limit, budget)

    async def audit_run(self, run: Run, budget: Budget = USUAL) -> Told:
        """Tell whether all that was written to a run is stored, once, event by event: the verdict, each hole or damage
        with its place, and what each process says it wrote. It reads the whole run: a minute at most."""
        return await _read(audit_run, self._client, run, budget)

    async def wait_for(
        self,
        ctx: Context[Any, Any],
        what: Annotated[
            What, Field(description="A filter that comes true, further points of a metric, or the end of all runs.")
        ],
        runs: Annotated[list[Run], Field(max_length=MOST_RUNS, description="Empty: any run, of a condition.")] = [],  # noqa: B006
        filter: FilterText = None,
        need_all: Annotated[bool, Field(description="All of the runs have to pass, not one.")] = False,
        metric: Metric = None,
        after_index: Annotated[
            int | None, Field(ge=-1, description="Of the last point that you know; null: those that are there now.")
        ] = None,
        points: Annotated[int, Field(ge=1, le=1_000_000, description="So many further points.")] = 1,
        timeout_s: Annotated[float, Field(ge=0, le=_MOST_TIMEOUT_S, description="Many clients give up at 60 s.")] = 45,
        budget: Budget = USUAL,
    ) -> Told:
        """Wait until a condition holds, points have come, or runs have ended; it answers within about a second of that.
        Else it says "not yet", and with which call to go on."""
        begun = time.monotonic()

        async def tell(seconds: float) -> None:
            await ctx.report_progress(seconds, timeout_s, "waiting")

        async def wait() -> Answer:
            waiting = Waiting(self._client, what, runs, filter, need_all, metric, after_index, points, budget)
            await in_thread(waiting.begin)
            with waiting.listening() as hearing:
                found = await until(waiting.look, timeout_s, hearing, tell, self._ending, waiting.was_away)
            if found is not None:
                return found
            return await in_thread(waiting.not_yet, time.monotonic() - begun)

        return _told(await _mendable(wait)())

    async def note(
        self,
        run: Run,
        text: Annotated[str, Field(max_length=8_192, description="A new paragraph of the run's notes.")],
        budget: Budget = USUAL,
    ) -> Told:
        """Write a paragraph below the notes of a run, for people and programs that read them later. What stood there
        stays, and so does the history of who wrote what."""
        return await _read(note, self._client, run, text, budget)

    async def tag(
        self,
        run: Run,
        add: Annotated[list[Name], Field(max_length=100)] = [],  # noqa: B006
        remove: Annotated[list[Name], Field(max_length=100)] = [],  # noqa: B006
        budget: Budget = USUAL,
    ) -> Told:
        """Add tags to a run, or take tags away. Who did it stands in the run's history; again: no harm."""
        return await _read(tag, self._client, run, add, remove, budget)


OVER_FOLDERS: Final = (
    "find_runs",
    "describe_run",
    "compare_runs",
    "read_metric",
    "where_parted",
    "read_logs",
    "fields",
    "wait_for",
)
READING: Final = (*OVER_FOLDERS, "audit_run")
"""Over an API."""
_READS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_CHANGES: Final = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)


def tools_of(client_of: Callable[[], Client], ending: asyncio.Event, names: Sequence[str]) -> list[Tool]:
    """Those of these names."""
    methods = Tools(client_of, ending)
    return [
        Tool.from_function(getattr(methods, name), annotations=_CHANGES if name in CHANGING else _READS)
        for name in names
    ]


async def _read(read: Callable[..., Answer], *arguments: Any, **named: Any) -> CallToolResult:
    return _told(await _mendable(in_thread)(read, *arguments, **named))


def _told(answer: Answer) -> CallToolResult:
    content: list[ContentBlock] = [TextContent(type="text", text=answer.text)]
    if answer.picture is not None:
        data = b64encode(answer.picture).decode()
        content.append(ImageContent(type="image", data=data, mime_type="image/png"))
    return CallToolResult(content=content, structured_content=answer.structured)


def _mendable(call: Callable[_Arguments, Awaitable[Answer]]) -> Callable[_Arguments, Awaitable[Answer]]:
    """What a caller can mend, by its text; anything else is a fault of ours."""

    @wraps(call)
    async def called(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> Answer:
        try:
            return await call(*arguments, **named)
        except KeyError as error:  # a metric that went away meanwhile: its text names those that there are
            raise ToolError(_short(str(error.args[0]))) from error
        except (AgentError, ApiError, MldashError, ValueError, TypeError, OverflowError) as error:
            raise ToolError(_short(str(error))) from error

    return called


def _short(text: str) -> str:
    return clean(text if len(text) <= _MOST_ERROR else beginning(text, _MOST_ERROR - 1) + "…")
