"""GET /v1/experiment, /v1/experiments"""

import base64
import binascii
from time import time
from typing import Annotated, TypedDict

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from mldash.answers.shapes import ExperimentAnswer
from mldash_api.errors import NotFound, WrongParameter
from mldash_api.experiments.experiments import Asked, describe, list_experiments
from mldash_api.limits import DEFAULT_EXPERIMENTS

from .dependencies import Found, OurForm, OurStores
from .parameters import PrefixText, checked_count, checked_name


class ExperimentsAnswer(TypedDict):
    """A page in the order of prefixes; `next` is the cursor of the next one, null at the end."""

    experiments: list[ExperimentAnswer]
    next: str | None


@get("/experiment", tags=["experiments"])
async def experiment_of(
    prefix: PrefixText, experiment: Found, stores: OurStores, form: OurForm
) -> Response[ExperimentAnswer]:
    """What was said of an experiment, and its status. 404 where nobody has logged under the prefix."""
    if experiment is None:
        raise NotFound("experiment", prefix)
    return form.answer((await describe(stores, [experiment], time()))[0])


@get("/experiments", tags=["experiments"])
async def experiments(
    stores: OurStores,
    form: OurForm,
    owner: FromQuery[str | None] = None,
    project: Annotated[str | None, QueryParameter(description="Of the owner, who must be given too.")] = None,
    limit: FromQuery[int] = DEFAULT_EXPERIMENTS,
    cursor: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> Response[ExperimentsAnswer]:
    """Experiments in the order of their prefixes, page after page."""
    if project is not None and owner is None:
        raise WrongParameter("project", "give the owner too")
    for parameter, segment in (("owner", owner), ("project", project)):
        if segment is not None:
            _check_segment(parameter, segment)
    asked = Asked(owner, project, _prefix_of(cursor), checked_count("limit", limit, stores.settings.read_limit))
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
