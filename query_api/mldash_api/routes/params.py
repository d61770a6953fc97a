"""GET /v1/params"""

from typing import Any, TypedDict

from litestar import Response, get

from mldash_api.experiments.params import read_params
from mldash_api.rights.needed import OF_EXPERIMENT, needs

from .dependencies import Found, OurForm, OurStores


class ParamsAnswer(TypedDict):
    """Flat dotted keys."""

    params: dict[str, Any]


@get("/params", tags=["params"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def params(experiment: Found, stores: OurStores, form: OurForm) -> Response[ParamsAnswer]:
    """The parameters after every set, later values over earlier ones. None at all: {}."""
    (found,) = await read_params(stores, [experiment]) if experiment else [{}]
    return form.answer(ParamsAnswer(params=found))
