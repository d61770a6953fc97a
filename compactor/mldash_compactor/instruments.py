"""The operator metrics of a compactor; docs/operations.md says what to do when one moves."""

from prometheus_client import Counter, Gauge, Histogram

chunks_moved = Counter("mldash_compactor_chunks_moved", "Chunks moved to S3, full or not.", ["kind"])
events_moved = Counter("mldash_compactor_events_moved", "Events that became cold.", ["kind"])
object_bytes = Counter("mldash_compactor_object_bytes", "Bytes put to S3.", ["kind"], unit="bytes")
chunks_finished = Counter(
    "mldash_compactor_chunks_finished", "Chunks that another had committed and left before the cold end was moved."
)
chunks_joined = Counter("mldash_compactor_chunks_joined", "Chunks that share an object with neighbours now.", ["kind"])
moves_stopped = Counter("mldash_compactor_moves_stopped", "Moves that ended before their end.", ["error"])
retries = Counter("mldash_compactor_retries", "Pauses because a server did not answer.", ["error"])
task_failures = Counter(
    "mldash_compactor_task_failures", "Steps in the background that failed and are tried again.", ["task", "error"]
)
move_seconds = Histogram(
    "mldash_compactor_move_seconds",
    "From a chunk's intent to the deletion of its hot buckets.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
in_flight = Gauge("mldash_compactor_streams_in_flight", "Streams of which a chunk is being moved.")
overdue_seconds = Gauge("mldash_compactor_overdue_seconds", "How long the stream that is due longest has been due.")
events_expired = Counter("mldash_compactor_events_expired", "Events that retention took.", ["kind"])
orphans_deleted = Counter("mldash_compactor_orphans_deleted", "Objects that no chunk names, deleted by the sweep.")
objects_unexplained = Gauge(
    "mldash_compactor_objects_unexplained", "Objects in the bucket that are of no chunk known; left alone."
)
dependency_ok = Gauge("mldash_compactor_dependency_ok", "1: the server answers. 0: it is away.", ["server"])


def show_dependency(server: str, ok: bool) -> None:
    """Called by Dependencies."""
    dependency_ok.labels(server).set(ok)


def count_failure(task: str, error: str) -> None:
    """Called by Supervision."""
    task_failures.labels(task, error).inc()
