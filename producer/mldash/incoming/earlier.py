"""What an experiment has already, for a run that goes on in it."""

import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from mldash.callbacks import warn
from mldash.errors import MldashError
from mldash.experiment import Experiment

_MOST_METRICS = 50
"""Of so many metrics the last step is asked for."""


class Earlier(Struct, frozen=True):
    """Its parameters, nested, and the step behind its last one. `is_read`: it could be read; else a warning has said
    why it could not, and the run begins at step 0."""

    config: dict[str, Any] = {}
    next_step: int = 0
    was_there: bool = False
    is_read: bool = True


def earlier(experiment: Experiment) -> Earlier:
    """Before its run is started. It does not raise."""
    try:
        config = experiment.params.get(flatten=False)
        names = [one["name"] for one in experiment.metrics.list()]
        fields = [experiment.metrics(name).stats()["fields"] for name in names[:_MOST_METRICS]]
    except (MldashError, OSError) as error:
        warn(f"{experiment.prefix} can't be read, so its run goes on at step 0: {error}")
        return Earlier(is_read=False)
    return Earlier(config, max(map(_last_row, fields), default=-1) + 1, bool(config or names))


def _last_row(fields: Mapping[str, Any]) -> int:
    """The number of a metric's last row: `step` may be the script's own where there is a `_step`. -1: none is told."""
    top = (fields.get("_step") or fields.get("step") or {}).get("max")
    return int(top) if isinstance(top, (int, float)) and math.isfinite(top) else -1
