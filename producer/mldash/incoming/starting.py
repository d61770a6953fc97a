"""The start of a run in a training that must go on whatever comes of it."""

from mldash.callbacks import warn
from mldash.errors import MldashError
from mldash.experiment import Experiment
from mldash.session.jobs import without_job


def started(experiment: Experiment) -> Experiment:
    """Its run is open. Where nothing can be written, a warning says so, and it is one that does nothing."""
    try:
        return experiment.run.start()
    except (MldashError, OSError) as error:
        warn(f"{experiment.prefix} is not recorded: {error}")
        return Experiment(without_job(experiment.prefix), mode="disabled").run.start()
