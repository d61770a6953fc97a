"""The common dependencies of routes."""

from typing import Annotated, Any, Final

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter, SkipValidation

from mldash.answers.rows import NonFinite
from mldash_api.answers import Form, form_of
from mldash_api.experiments.own_writes import wait_for_own_writes
from mldash_api.limits import DEFAULT_WAIT_S
from mldash_api.rights.caller import Caller
from mldash_api.search.index import RunIndex
from mldash_api.stores.streams import ExperimentRef, Stores

from .own_writes import WaitText, WrittenText, checked_written
from .parameters import PrefixText, checked_number, checked_prefix

OurStores = NamedDependency[SkipValidation[Stores]]
OurCaller = NamedDependency[SkipValidation[Caller]]
"""Who asks; the guard has found out. For routes that show, or take, only what the caller may."""
OurIndex = NamedDependency[SkipValidation[RunIndex]]
OurForm = NamedDependency[SkipValidation[Form]]
Found = NamedDependency[SkipValidation[ExperimentRef | None]]
"""The experiment in its present generation, once all that the reader has written is stored; None: there is none."""


def provide_caller(request: Request[Caller, Any, Any]) -> Caller:
    return request.user


def provide_form(
    request: Request[Any, Any, Any],
    nonfinite: Annotated[
        NonFinite,
        QueryParameter(description="NaN and infinities in JSON: null, or strings. MessagePack keeps them."),
    ] = "null",
) -> Form:
    return form_of(request, nonfinite)


async def provide_experiment(
    stores: OurStores, prefix: PrefixText, written: WrittenText = None, wait: WaitText = None
) -> ExperimentRef | None:
    """Waits for the reader's own writes, within what it asked for and what the settings allow."""
    asked = checked_number("Mldash-Wait", wait)
    wait_s = min(DEFAULT_WAIT_S if asked is None else asked, stores.settings.wait_limit_s)
    return await wait_for_own_writes(stores.mongo, checked_prefix(prefix), checked_written(written), wait_s)


DEPENDENCIES: Final = {
    "caller": Provide(provide_caller, sync_to_thread=False),
    "form": Provide(provide_form, sync_to_thread=False),
    "experiment": Provide(provide_experiment),
}
