"""The streams of many experiments, which routes of charts draw together."""

from collections.abc import Sequence

from mldash_api.limits import MOST_VIEWS
from mldash_api.stores.streams import ExperimentRef, Stores, StreamRef, find_experiments

from .parameters import checked_count, checked_prefix


async def experiments_of(stores: Stores, prefixes: Sequence[str]) -> list[ExperimentRef | None]:
    """In their order; None: it is not there. Raises WrongParameter."""
    checked_count("number of prefixes", len(prefixes), MOST_VIEWS)
    return await find_experiments(stores.mongo, [checked_prefix(prefix) for prefix in prefixes])


async def metrics_of(stores: Stores, prefixes: Sequence[str], metric: str | None) -> list[StreamRef | None]:
    """The same metric of each; None: the experiment is not there. Raises WrongParameter."""
    return [one.stream("metrics", metric) if one else None for one in await experiments_of(stores, prefixes)]
