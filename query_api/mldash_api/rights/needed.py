"""What a route needs, as it states it: `@get("/params", opt=needs("read", "prefix"))`. A route that states nothing is
refused to everybody.
"""

from typing import Any, Final, Literal

from litestar.handlers import BaseRouteHandler
from msgspec import Struct

from .caller import Right
from .opened import LinkKind

Of = Literal["prefix", "prefixes", "everything", "shown"]
"""What the right has to hold on:

    prefix      the one query parameter `prefix`
    prefixes    each query parameter `prefixes`
    everything  all that is stored
    shown       nothing by itself: the handler takes the caller, and does and shows only what they may
"""


class Needed(Struct, frozen=True):
    """The right that a route needs; None: it is open to everybody."""

    right: Right | None
    of: Of = "prefix"
    links: tuple[LinkKind, ...] = ()
    """Links of these kinds open it (opened.py); no other does."""
    only_reads: bool = False
    """Whether a request of any method changes nothing, so that the door takes it for a read."""


_KEY: Final = "needed"


def needs(
    right: Right, of: Of = "prefix", links: tuple[LinkKind, ...] = (), *, only_reads: bool = False
) -> dict[str, Any]:
    """A route's `opt`: the right, what it has to hold on, which links open it besides, whether its POST only reads."""
    return {_KEY: Needed(right, of, links, only_reads)}


OF_EXPERIMENT: Final[tuple[LinkKind, ...]] = ("experiment",)
"""What a route names that shows what is stored of one experiment."""

OPEN: Final[dict[str, Any]] = {_KEY: Needed(None)}
"""The `opt` of a route that anybody may call. docs/security.md lists them."""


def needed_by(handler: BaseRouteHandler) -> Needed | None:
    """None: the route says nothing, and nobody may call it."""
    needed = handler.opt.get(_KEY)
    return needed if isinstance(needed, Needed) else None
