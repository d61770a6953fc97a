"""GET /v1/live/listened, GET /v1/live/waiting"""

from typing import Annotated, Any, Final, TypedDict

from litestar import Request, Response, get
from litestar.params import QueryParameter

from mldash.answers.shapes import ListenedAnswer
from mldash_api.errors import WrongParameter
from mldash_api.live.listened.listened import STAYS_S
from mldash_api.rights.needed import needs
from mldash_api.routes.dependencies import OurForm
from mldash_api.routes.leaving import while_connected
from mldash_api.routes.parameters import checked_number, checked_prefix

from .told import OurLive

MOST_NAMED: Final = 100
_MOST_WAIT_S: Final = 60.0
_STATE_LETTERS: Final = 64

Prefixes = Annotated[list[str], QueryParameter(description=f"Experiments; several, at most {MOST_NAMED}.")]


class WaitingAnswer(TypedDict):
    """`seconds`: for so long the caller counts as a listener."""

    seconds: float


@get("/listened", tags=["live"], opt=needs("write", "prefixes"))
async def listened(
    request: Request[Any, Any, Any],
    live: OurLive,
    form: OurForm,
    prefixes: Prefixes,
    heard: Annotated[str, QueryParameter(description="The `state` of the answer before.")] = "",
    wait: Annotated[
        float, QueryParameter(ge=0, le=_MOST_WAIT_S, description="Seconds to wait for another state.")
    ] = 0.0,
) -> Response[ListenedAnswer]:
    """Which of these experiments somebody listens to: for processes that write them, which then deliver sooner."""
    checked_number("wait", wait)
    if len(heard) > _STATE_LETTERS:
        raise WrongParameter("heard", "send the state of an answer")
    answer = await while_connected(request, live.hub.listened.ask(_checked(prefixes), heard, wait))
    return form.answer(answer or ListenedAnswer(listened=[], state=heard))


@get("/waiting", tags=["live"], opt=needs("read", "prefixes"))
async def waiting(live: OurLive, form: OurForm, prefixes: Prefixes) -> Response[WaitingAnswer]:
    """Count the caller as a listener of these experiments for a moment: for programs that look again and again at what
    they wait for, in place of a live stream."""
    live.hub.listened.stay(_checked(prefixes))
    return form.answer(WaitingAnswer(seconds=STAYS_S))


def _checked(prefixes: list[str]) -> list[str]:
    if len(prefixes) > MOST_NAMED:
        raise WrongParameter("prefixes", f"there may be {MOST_NAMED}")
    return [checked_prefix(text).text for text in prefixes]
