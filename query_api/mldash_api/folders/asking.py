"""What routes over folders share."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from litestar import Request
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from mldash.answers.rows import NonFinite
from mldash.client.kept_runs import KeptRun, KeptRuns
from mldash.client.unreadable import RunUnreadable
from mldash.local.reading.reader import LocalReader
from mldash_api.answers import Form, form_of
from mldash_api.routes.parameters import checked_prefix

_Answer = TypeVar("_Answer")

OurRuns = NamedDependency[SkipValidation[KeptRuns]]
OurForm = NamedDependency[SkipValidation[Form]]


def provide_form(
    request: Request[Any, Any, Any],
    nonfinite: Annotated[NonFinite, QueryParameter(description="NaN and infinities: null, or strings.")] = "null",
) -> Form:
    return form_of(request, nonfinite)


def found_run(runs: KeptRuns, prefix: str) -> KeptRun | None:
    """Only what was found below the folder: no name that is asked for becomes a path. Raises WrongParameter."""
    return runs.find().get(checked_prefix(prefix).text)


async def of_run(runs: KeptRuns, prefix: str, read: Callable[[LocalReader], _Answer], absent: _Answer) -> _Answer:
    """What the reader of one run says; `absent` where it is not there. Raises WrongParameter, RunUnreadable."""

    def work() -> _Answer:
        found = found_run(runs, prefix)
        if found is None:
            return absent
        with runs.lock:
            try:
                with found.reading() as reader:
                    return read(reader)
            except RunUnreadable as error:
                found.tell(error)
                raise

    return await asyncio.to_thread(work)
