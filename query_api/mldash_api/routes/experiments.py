"""GET /v1/experiment, /v1/experiments"""

import base64
import binascii
from time import time
from typing import Annotated, Any, TypedDict

from litestar import Request, Response, get
from litestar.params import FromQuery, QueryParameter

from mldash.answers.shapes import ExperimentAnswer
from mldash_api.errors import NotFound, WrongParameter
from mldash_api.experiments.experiments import Asked, describe, list_experiments
from mldash_api.limits import DEFAULT_EXPERIMENTS
from mldash_api.rights.caller import scopes_of
from mldash_api.rights.needed import OF_EXPERIMENT, needs
from mldash_api.search.answers import FoundAnswer, GroupsAnswer, Search

from .dependencies import Found, OurCaller, OurForm, OurIndex, OurStores
from .leaving import while_connected
from .parameters import PrefixText, checked_count, checked_name
from .runs import search


class ExperimentsAnswer(TypedDict):
    """A page in the order of prefixes; `next` is the cursor of the next one, null at the end."""

    experiments: list[ExperimentAnswer]
    next: str | None


@get("/experiment", tags=["experiments"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def experiment_of(
    prefix: PrefixText, experiment: Found, stores: OurStores, form: OurForm
) -> Response[ExperimentAnswer]:
    """What was said of an experiment, and its status. 404 where nobody has logged under the prefix."""
    if experiment is None:
        raise NotFound("experiment", prefix)
    return form.answer((await describe(stores, [experiment], time()))[0])


@get("/experiments", tags=["experiments"], opt=needs("read", "shown"))
async def experiments(
    request: Request[Any, Any, Any],
    stores: OurStores,
    index: OurIndex,
    caller: OurCaller,
    form: OurForm,
    owner: FromQuery[str | None] = None,
    project: Annotated[str | None, QueryParameter(description="Of the owner, who must be given too.")] = None,
    limit: FromQuery[int] = DEFAULT_EXPERIMENTS,
    cursor: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
    filter: Annotated[str | None, QueryParameter(description="Those that pass: docs/query.md.")] = None,
    sort: Annotated[
        str | None, QueryParameter(description="A field; `-` before it: descending. Missing values come last.")
    ] = None,
    fields: Annotated[list[str] | None, QueryParameter(description="These columns only.")] = None,
    group: Annotated[
        list[str] | None, QueryParameter(description="Instead of runs, groups by these fields, within each other.")
    ] = None,
    values: Annotated[list[str] | None, QueryParameter(description="Of groups: summaries of these fields.")] = None,
) -> Response[ExperimentsAnswer | FoundAnswer | GroupsAnswer]:
    """Experiments that the caller may read, page after page: in the order of their prefixes, or, with `filter`, `sort`,
    `fields` or `group`, from the index of runs."""
    if project is not None and owner is None:
        raise WrongParameter("project", "give the owner too")
    for parameter, segment in (("owner", owner), ("project", project)):
        if segment is not None:
            _check_segment(parameter, segment)
    count = checked_count("limit", limit, stores.settings.read_limit)
    wanted = Search(
        filter=filter,
        sort=sort,
        fields=fields,
        group=group,
        values=values,
        owner=owner,
        project=project,
        cursor=cursor,
        limit=count,
    )
    if wanted.is_asked:
        searched = await while_connected(request, search(stores, index, wanted, scopes_of(caller, "read")))
        return form.answer(searched)
    asked = Asked(owner, project, _prefix_of(cursor), count, scopes_of(caller, "read"))
    found = await list_experiments(stores, asked, time())
    return form.answer(ExperimentsAnswer(experiments=found.experiments, next=_cursor_of(found.last)))


def _check_segment(parameter: str, segment: str) -> None:
    checked_name(parameter, segment)
    if "/" in segment or not segment:
        raise WrongParameter(parameter, f"{segment!r} is not one segment of a prefix")


def _cursor_of(prefix: str | None) -> str | None:
    return None if prefix is None else base64.urlsafe_b64encode(prefix.encode()).decode()


def _prefix_of(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        return base64.urlsafe_b64decode(cursor).decode()
    except (binascii.Error, ValueError):
        raise WrongParameter("cursor", "take `next` of the page before, as it is") from None
