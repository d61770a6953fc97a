"""The operator metrics of a worker; docs/operations.md says what to do when one moves."""

from prometheus_client import Counter, Gauge, Histogram

from .delays import Delays

events_stored = Counter("mldash_worker_events_stored", "Events stored; of kind metrics these are points.", ["kind"])
bytes_stored = Counter("mldash_worker_bytes_stored", "Bytes of buckets stored.", ["kind"], unit="bytes")
duplicates = Counter("mldash_worker_duplicates_skipped", "Events that were stored already.", ["kind"])
holes = Counter("mldash_worker_missing_events", "Events that were not there when later ones came.", ["kind"])
late = Counter(
    "mldash_worker_late_events", "Events that filled a hole, so that they stand behind later ones.", ["kind"]
)
deleted = Counter("mldash_worker_events_of_deleted", "Events of deleted experiments, dropped.")
dead_letters = Counter("mldash_worker_dead_letters", "Records set aside.", ["topic"])
lost_places = Counter("mldash_worker_lost_places", "Appends whose place in the chain was taken or moved away.")
retries = Counter("mldash_worker_retries", "Batches that were begun again after an error.", ["error"])
task_failures = Counter(
    "mldash_worker_task_failures", "Steps that failed by an error of ours and are tried again.", ["task", "error"]
)
batch_seconds = Histogram(
    "mldash_worker_batch_seconds",
    "From a batch's fetch to its commit.",
    unit="",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
stored_after_seconds = Delays(
    "mldash_worker_stored_after_seconds",
    "From log() to stored, a record's first event.",
    (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600),
)
lag_records = Gauge("mldash_worker_lag_records", "Records that are not stored yet.", ["topic", "partition"])
lag_seconds = Gauge(
    "mldash_worker_lag_seconds", "Age of the oldest record that is not stored yet.", ["topic", "partition"]
)
known_streams = Gauge("mldash_worker_known_streams", "Streams in the worker's cache.")
known_bytes = Gauge("mldash_worker_known_bytes", "What the worker's cache of streams takes, about.")
partitions = Gauge("mldash_worker_partitions", "Partitions assigned.")
halted = Gauge("mldash_worker_halted_partitions", "Partitions that are not read on until someone has looked.")
dependency_ok = Gauge("mldash_worker_dependency_ok", "1: the server answers. 0: it is away.", ["server"])


def show_dependency(server: str, ok: bool) -> None:
    """Called by Dependencies."""
    dependency_ok.labels(server).set(ok)


def count_failure(task: str, error: str) -> None:
    """Called by Supervision."""
    task_failures.labels(task, error).inc()
