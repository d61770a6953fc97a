"""Below /v1/live."""

from litestar import Router

from .listened import listened, waiting
from .told import changed_live, live, live_page

router = Router("/live", route_handlers=[live, live_page, changed_live, listened, waiting])
