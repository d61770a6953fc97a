"""Parameters: the fold of every set, in the order of the chain."""

from typing import Any

from mldash_api.seam.snapshots import carried_forward
from mldash_api.stores.streams import ExperimentRef, Stores


async def read_params(stores: Stores, experiment: ExperimentRef) -> dict[str, Any]:
    """Flat dotted keys."""
    carried = await carried_forward(stores.mongo, experiment.stream("params"))
    if carried is None or carried.snapshot.params is None:
        return {}
    return carried.snapshot.params.flat
