"""What a request asks of the runs. Needs no server's package: `mldash view` reads what listeners ask for."""

from collections.abc import Sequence

from msgspec import Struct

from mldash.query.syntax import Field, Filter

from .ordering import Order, Place

Named = tuple[str, Field]
"""A field, and its text as the caller wrote it."""


class AskedRuns(Struct, frozen=True, kw_only=True):
    """Which runs, of those in `scopes`, and by which clock."""

    filter: Filter | None
    scopes: Sequence[str]
    now: float


class AskedPage(Struct, frozen=True, kw_only=True):
    """Which of them: `fields` None asks for no values."""

    order: Order
    after: Place | None
    limit: int
    fields: Sequence[Named] | None
