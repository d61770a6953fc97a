"""Parameters: the fold of every set, in the order of the chain."""

from collections.abc import Sequence
from typing import Any

from mldash_api.seam.snapshots import all_carried_forward
from mldash_api.stores.streams import ExperimentRef, Stores


async def read_params(stores: Stores, experiments: Sequence[ExperimentRef]) -> list[dict[str, Any]]:
    """Of each: flat dotted keys."""
    streams = [one.stream("params") for one in experiments]
    carried = await all_carried_forward(stores.mongo, streams)
    found = [carried.get(stream.id) for stream in streams]
    return [one.snapshot.params.flat if one is not None and one.snapshot.params is not None else {} for one in found]
