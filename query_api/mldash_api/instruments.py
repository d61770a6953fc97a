"""The operator metrics of the API; docs/operations.md says what to do when one moves."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

requests = Histogram(
    "mldash_api_request_seconds", "From a request's head to its answer.", ["route", "status"], buckets=_SECONDS
)
in_hand = Gauge("mldash_api_requests_in_hand", "Requests being answered.")
readers_gone = Counter("mldash_api_readers_gone", "Connections cut because nothing of an answer was taken any more.")
own_write_waits = Histogram(
    "mldash_api_own_write_wait_seconds", "A read's wait for what its reader had written.", buckets=_SECONDS
)
own_writes_late = Counter("mldash_api_own_writes_late", "Reads whose own writes were not stored in time.")
restarts = Counter("mldash_api_read_restarts", "Reads begun again because the stream moved meanwhile.", ["kind"])
damaged = Counter("mldash_api_damaged_ranges", "Reads that met a damaged or missing object.")
chunk_seconds = Histogram(
    "mldash_api_chunk_fetch_seconds", "An object fetched from S3, checked and decoded.", buckets=_SECONDS
)
chunk_bytes = Counter("mldash_api_chunk_fetched_bytes", "Bytes of objects fetched from S3.")
cache_hits = Counter("mldash_api_chunk_cache_hits", "Chunks that the cache held.")
cache_bytes = Gauge("mldash_api_chunk_cache_bytes", "Decoded chunks in memory.")
index_runs = Gauge("mldash_api_index_runs", "Runs in the index that searches are answered from.")
index_lag = Gauge("mldash_api_index_lag_seconds", "How far the index was behind MongoDB when it was last brought up.")
index_build = Gauge("mldash_api_index_build_seconds", "How long the last reading of all runs took.")
dependency_ok = Gauge("mldash_api_dependency_ok", "1: the server answers. 0: it is away.", ["server"])
live_listeners = Gauge("mldash_api_live_listeners", "Live streams that are open.")
live_processes = Gauge("mldash_api_live_processes", "Training processes that wait to hear of listeners.")
live_rounds = Histogram(
    "mldash_api_live_round_seconds", "A look for what is new, for all live streams at once.", buckets=_SECONDS
)
live_closed = Counter("mldash_api_live_closed", "Live streams that the API ended.", ["reason"])
task_failures = Counter(
    "mldash_api_task_failures", "Steps in the background that failed and are tried again.", ["task", "error"]
)


def show_dependency(server: str, ok: bool) -> None:
    """Called by Dependencies."""
    dependency_ok.labels(server).set(ok)


def count_failure(task: str, error: str) -> None:
    """Called by Supervision."""
    task_failures.labels(task, error).inc()
