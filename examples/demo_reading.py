"""What is read back of the demo's experiment, once it is stored, and where it lies."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import aioboto3
from demo_comparison import (
    entries_differences,
    expected_entries,
    expected_params,
    expected_points,
    lines_differences,
    params_differences,
    points_differences,
)
from demo_recording import Calls
from msgspec import Struct

from mldash import Experiment

CHUNK = 10_000
METRICS, TOPICS = ("train", "eval"), ("training/loss", "digits/answer")
WAIT_S = 90.0
_POLL_S = 0.2
_LINES = 10_000


class Stored(Struct, kw_only=True):
    """All of the experiment, as readers get it."""

    status: str
    sessions: dict[int, str]
    params: dict[str, Any]
    points: dict[str, list[Any]]
    statistics: dict[str, Any]
    entries: dict[str, list[dict[str, Any]]]
    lines: list[Any]


def ask(api: str, path: str, **query: str) -> Any:
    """What the API answers, by plain HTTP; that of a private stack wants the token whose file `mldash env` names."""
    file = os.environ.get("MLDASH_TOKEN_FILE")
    headers = {"Authorization": f"Bearer {Path(file).read_text().strip()}"} if file else {}
    with urlopen(Request(f"{api}{path}?{urlencode(query)}", headers=headers), timeout=30) as answer:
        return json.load(answer)


def point_counts(experiment: Experiment) -> dict[str | None, int]:
    """Points that readers can see, of each metric."""
    return {metric["name"]: metric["totalDataPoints"] for metric in experiment.metrics.list()}


def wait_until(what: str, is_true: Callable[[], bool]) -> None:
    """Ask again and again. Raises SystemExit that names what did not come."""
    deadline = time.monotonic() + WAIT_S
    while not is_true():
        if time.monotonic() > deadline:
            raise SystemExit(f"after {WAIT_S:g} s still not true: {what}")
        time.sleep(_POLL_S)


def wait_until_stored(experiment: Experiment, api: str, ranks: Sequence[Calls]) -> None:
    """Until the counts have reached what was logged, the run has ended, and full ranges lie in S3.

    Counts alone: whether what is there is right is for differences() to say, and it looks only once.
    """
    points = {name: sum(len(calls.points[name]) for calls in ranks) for name in METRICS}
    entries = {topic: len(expected_entries(ranks, topic)) for topic in TOPICS}
    lines = sum(len(calls.lines) for calls in ranks)
    params = expected_params(ranks)

    def points_are_there() -> bool:
        found = point_counts(experiment)
        return all(found.get(name, 0) >= count for name, count in points.items())

    def entries_are_there() -> bool:
        found = {track["topic"]: track["totalEntries"] for track in experiment.tracks.list()}
        return all(found.get(topic, 0) >= count for topic, count in entries.items())

    def full_ranges_are_cold() -> bool:
        return all(
            experiment.metrics(name).stats()["chunkedDataPoints"] >= count // CHUNK * CHUNK
            for name, count in points.items()
        )

    wait_until("all points are readable", points_are_there)
    wait_until("all log lines are readable", lambda: len(_all_lines(experiment)) >= lines)
    wait_until("all track entries are readable", entries_are_there)
    wait_until("all parameters are readable", lambda: params.items() <= experiment.params.get().items())
    wait_until("the run has ended", lambda: _status(api, experiment) not in ("CREATED", "RUNNING"))
    wait_until("every full range of 10,000 points lies in S3", full_ranges_are_cold)


def read_all(experiment: Experiment, api: str) -> Stored:
    """Through the SDK, which asks the API; the state of the run from the API itself."""
    sessions = ask(api, "/v1/sessions", prefix=experiment.prefix)["sessions"]
    return Stored(
        status=_status(api, experiment),
        sessions={session["rank"]: session["status"] for session in sessions},
        params=experiment.params.get(),
        points={name: list(experiment.metrics(name).iter()) for name in METRICS},
        statistics={name: experiment.metrics(name).stats() for name in METRICS},
        entries={topic: experiment.tracks(topic).read()["entries"] for topic in TOPICS},
        lines=_all_lines(experiment),
    )


def differences(ranks: Sequence[Calls], stored: Stored) -> list[str]:
    """A line each; none where all is equal."""
    found = [] if stored.status == "COMPLETED" else [f"the run is {stored.status}, not COMPLETED"]
    completed = {calls.rank: "COMPLETED" for calls in ranks}
    if stored.sessions != completed:
        found.append(f"the ranks' sessions are {stored.sessions}, not {completed}")
    found += params_differences(expected_params(ranks), stored.params)
    for name in METRICS:
        found += points_differences(name, expected_points(ranks, name), stored.points[name])
        counted, there = stored.statistics[name]["totalDataPoints"], len(stored.points[name])
        if counted != there:
            found.append(f"{name}: its statistics count {counted:,} points, {there:,} are there")
    for topic in TOPICS:
        found += entries_differences(topic, expected_entries(ranks, topic), stored.entries[topic])
    return found + lines_differences({calls.rank: calls.lines for calls in ranks}, stored.lines)


async def objects_of(prefix: str, s3: dict[str, str]) -> tuple[int, int]:
    """How many objects S3 holds of the experiment, and their bytes."""
    owner, project, name = prefix.split("/")
    count = total = 0
    session = aioboto3.Session(s3["access_key"], s3["secret_key"], region_name="us-east-1")
    trusted = os.environ.get("MLDASH_S3_CA_FILE")  # of a secured stack
    async with session.client("s3", endpoint_url=s3["endpoint"], verify=trusted) as client:
        folder = f"owner={owner}/project={project}/experiment={name}/"
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=s3["bucket"], Prefix=folder)
        async for page in pages:
            for item in page.get("Contents", ()):
                count, total = count + 1, total + item["Size"]
    return count, total


def _status(api: str, experiment: Experiment) -> str:
    return str(ask(api, "/v1/experiment", prefix=experiment.prefix)["status"])


def _all_lines(experiment: Experiment) -> list[Any]:
    lines: list[Any] = []
    while page := experiment.logs.read(limit=_LINES, offset=len(lines)):
        lines += page
    return lines
