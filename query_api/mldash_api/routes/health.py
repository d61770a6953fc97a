"""GET /healthz, /readyz, /metrics: for what runs the API, not for its users."""

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mldash_api.health import why_not_ready

from .dependencies import OurStores


@get("/healthz", include_in_schema=False)
async def healthz() -> Response[str]:
    """200 while the process's loop turns."""
    return Response("ok\n", media_type="text/plain")


@get("/readyz", include_in_schema=False)
async def readyz(stores: OurStores) -> Response[str]:
    """200 when MongoDB and S3 answer; else 503 with what does not."""
    reason = await why_not_ready(stores)
    if reason is None:
        return Response("ready\n", media_type="text/plain")
    return Response(f"{reason}\n", media_type="text/plain", status_code=503)


@get("/metrics", include_in_schema=False)
async def operator_metrics() -> Response[bytes]:
    """As Prometheus reads them."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
