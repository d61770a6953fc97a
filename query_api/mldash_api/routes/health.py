"""GET /healthz, /readyz, /dependencies, /metrics: for what runs the API, not for its users.

With `health_port` a port of its own answers the same (mldash/process/health_server.py).
"""

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mldash.process.dependencies import Dependencies
from mldash_api.rights.needed import OPEN, needs


@get("/healthz", include_in_schema=False, opt=OPEN)
async def healthz() -> Response[str]:
    """200 while the process's loop turns."""
    return Response("ok\n", media_type="text/plain")


@get("/readyz", include_in_schema=False, opt=OPEN)
async def readyz() -> Response[str]:
    """200 while it takes requests: it listens only then. A server that is away is told by /dependencies, and by the
    answer to each request that needs it."""
    return Response("ready\n", media_type="text/plain")


@get("/dependencies", include_in_schema=False, opt=needs("read", "everything"))
async def dependencies(known: NamedDependency[SkipValidation[Dependencies]]) -> Response[bytes]:
    """Each server, whether it answers, why not and since when; as of the last look, so that asking costs nothing."""
    return Response(msgspec.json.encode(await known.list()) + b"\n", media_type="application/json")


@get("/metrics", include_in_schema=False, opt=needs("read", "everything"))
async def operator_metrics() -> Response[bytes]:
    """As Prometheus reads them."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
