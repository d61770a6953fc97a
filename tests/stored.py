"""Until what this process has logged is stored: `flush()` is over once it is in Kafka.

Another process's reads, those of a Client, of a command or of a browser, may come before that.
"""

from collections.abc import Sequence

from mldash import Experiment

_WITHIN_S = 90.0


def until_stored(experiment: Experiment, metrics: Sequence[str | None] = (), tracks: Sequence[str] = ()) -> None:
    """Reads of who has written wait until its own events can be read: of each stream one does."""
    experiment.params.get(wait=_WITHIN_S)
    experiment.logs.read(limit=1, wait=_WITHIN_S)
    for name in metrics:
        experiment.metrics(name).read(limit=1, wait=_WITHIN_S)
    for topic in tracks:
        experiment.tracks(topic).read(wait=_WITHIN_S)
