"""GET /v1/sessions, /v1/sessions/standing"""

from time import time
from typing import Annotated, TypedDict

from litestar import Response, get
from litestar.params import QueryParameter

from mldash.answers.shapes import SessionAnswer, StandingAnswer
from mldash_api.experiments.sessions import list_sessions
from mldash_api.experiments.standing import set_aside_of, standing_of
from mldash_api.rights.needed import OF_EXPERIMENT, needs
from mldash_api.routes.dependencies import Found, OurForm, OurStores
from mldash_api.routes.parameters import PrefixText, checked_prefix, checked_session


class SessionsAnswer(TypedDict):
    sessions: list[SessionAnswer]


@get("/sessions", tags=["sessions"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def sessions(experiment: Found, stores: OurStores, form: OurForm) -> Response[SessionsAnswer]:
    """The processes that have written to an experiment, in the order in which they were first heard of."""
    return form.answer(SessionsAnswer(sessions=await list_sessions(stores, experiment, time()) if experiment else []))


@get("/sessions/standing", tags=["sessions"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def standing(
    prefix: PrefixText,
    session: Annotated[str, QueryParameter(description="Its id, in hex.")],
    stores: OurStores,
    form: OurForm,
) -> Response[StandingAnswer]:
    """Whether what a session writes counts: not where its experiment was deleted, for then all of it is dropped.
    `unknown`: nothing of it has been stored yet. `deadLettered`, where there are any: how many of its events were set
    aside, at most (a replay takes nothing off), and why the newest was."""
    id_, of = checked_session(session), checked_prefix(prefix)
    answer = StandingAnswer(session=id_.hex(), standing=await standing_of(stores.mongo, of, id_))
    if set_aside := await set_aside_of(stores.mongo, of, id_):
        answer["deadLettered"], answer["deadLetterReason"] = set_aside
    return form.answer(answer)
