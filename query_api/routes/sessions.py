"""GET /v1/sessions"""

from time import time
from typing import TypedDict

from litestar import Response, get

from mldash.producer.answers.shapes import SessionAnswer
from mldash.query_api.reading.sessions import list_sessions

from .dependencies import Found, OurForm, OurStores


class SessionsAnswer(TypedDict):
    sessions: list[SessionAnswer]


@get("/sessions", tags=["sessions"])
async def sessions(experiment: Found, stores: OurStores, form: OurForm) -> Response[SessionsAnswer]:
    """The processes that have written to an experiment, in the order in which they were first heard of."""
    return form.answer(SessionsAnswer(sessions=await list_sessions(stores, experiment, time()) if experiment else []))
