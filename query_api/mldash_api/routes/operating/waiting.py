"""GET /v1/status/waiting"""

from litestar import Response, Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from mldash_api.pipeline.waiting import Waiting, WaitingAnswer
from mldash_api.rights.needed import needs
from mldash_api.routes.dependencies import OurForm
from mldash_api.settings import ApiSettings


@get("/waiting", tags=["status"], opt=needs("read", "everything"))
async def waiting(kafka: NamedDependency[SkipValidation[Waiting]], form: OurForm) -> Response[WaitingAnswer]:
    """What Kafka holds that is not stored: how far the workers are behind in each partition, and the dead letters that
    wait, with their reasons. As of a few seconds ago at most."""
    return form.answer(await kafka.answer())


def router(settings: ApiSettings) -> Router:
    """Its routes, with one connection at a time to the Kafka of these settings."""
    kafka = Waiting(settings)
    return Router(
        "/status", route_handlers=[waiting], dependencies={"kafka": Provide(lambda: kafka, sync_to_thread=False)}
    )
