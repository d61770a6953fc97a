"""GET /v1/experiments, /v1/fields, /v1/explain"""

import asyncio
from time import time
from typing import Annotated, Final

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from mldash.answers.shapes import iso_time
from mldash.client.folder_runs import FolderRuns
from mldash.query.explaining import Explanation, explain
from mldash.query.parsing import parse
from mldash_api.errors import WrongParameter
from mldash_api.limits import DEFAULT_EXPERIMENTS
from mldash_api.rights.needed import needs
from mldash_api.routes.parameters import checked_count
from mldash_api.search.answers import FieldsAnswer, FoundAnswer, GroupsAnswer, Search

from .asking import OurForm, OurRuns
from .searching import said, search

_MOST_ROWS: Final = 10_000
_MOST_NAMES: Final = 10_000


@get("/experiments", opt=needs("read", "everything"))
async def experiments(
    runs: OurRuns,
    form: OurForm,
    owner: FromQuery[str | None] = None,
    project: FromQuery[str | None] = None,
    limit: FromQuery[int] = DEFAULT_EXPERIMENTS,
    cursor: FromQuery[str | None] = None,
    filter: FromQuery[str | None] = None,
    sort: FromQuery[str | None] = None,
    fields: FromQuery[list[str] | None] = None,
    group: FromQuery[list[str] | None] = None,
    values: FromQuery[list[str] | None] = None,
) -> Response[FoundAnswer | GroupsAnswer]:
    """Runs of the folder, by the one grammar (docs/query.md)."""
    if project is not None and owner is None:
        raise WrongParameter("project", "give the owner too")
    asked = Search(
        filter=filter,
        sort=sort,
        fields=fields,
        group=group,
        values=values,
        owner=owner,
        project=project,
        cursor=cursor,
        limit=checked_count("limit", limit, _MOST_ROWS),
    )
    return form.answer(await asyncio.to_thread(search, runs, asked))


@get("/fields", opt=needs("read", "everything"))
async def fields(
    runs: OurRuns,
    form: OurForm,
    prefix: Annotated[str, QueryParameter(description="How the field begins: `params.opt`.")] = "",
    limit: FromQuery[int] = DEFAULT_EXPERIMENTS,
) -> Response[FieldsAnswer]:
    """Names that a filter can ask for."""
    most = checked_count("limit", limit, _MOST_NAMES)
    found = await asyncio.to_thread(FolderRuns(runs.root, runs.plain).fields, prefix, None)
    return form.answer(FieldsAnswer(fields=found[:most], count=len(found), asOf=iso_time(time()), lagS=0.0))


@get("/explain", opt=needs("read", "everything"))
async def explained(form: OurForm, filter: FromQuery[str]) -> Response[Explanation]:
    """What a filter reads, and when a run passes it."""
    return form.answer(explain(said("filter", parse, filter)))
