"""Runs for the browser tests to show: a small sweep, with real curves, one of whose losses becomes NaN."""

import math
import random
import time
from pathlib import Path
from typing import Any, Final

import httpx
from msgspec import Struct

from mldash import Experiment
from tests.stored import until_stored

RUNS: Final = 12
LONG: Final = 30_000
"""Points of the long run."""
STEPS: Final = 600
_FOUND_S: Final = 120.0


class Trained(Struct, frozen=True):
    """`scope`: what all prefixes begin with."""

    scope: str
    prefixes: list[str]

    long: str
    """A run of LONG points with one spike."""

    @property
    def with_nan(self) -> str:
        """Its loss is NaN from index 300 on."""
        return self.prefixes[5]


def train(api: str, journals: Path, scope: str) -> Trained:
    """Returns when a search finds all of them with their last value."""
    prefixes = [f"{scope}/run-{number:02d}" for number in range(RUNS)]
    for number, prefix in enumerate(prefixes):
        _run(api, journals, prefix, number)
    long = f"{scope}-long/run"
    _run_long(api, journals, long)
    _await(api, scope)
    return Trained(scope, prefixes, long)


def _run_long(api: str, journals: Path, prefix: str) -> None:
    chance = random.Random(7)
    loss = [math.exp(-step / 9_000) + chance.gauss(0, 0.02) for step in range(LONG)]
    loss[12_345] = 3.0
    with Experiment(prefix, remote=api, journal=str(journals / "long"), echo=False).run as run:
        run.metrics("train").log_many(loss=loss)


def _run(api: str, journals: Path, prefix: str, number: int) -> None:
    chance = random.Random(number)
    rate, optimizer = (1e-4, 3e-4, 1e-3, 3e-3)[number % 4], ("adam", "sgd", "lion")[number % 3]
    experiment = Experiment(
        prefix,
        remote=api,
        journal=str(journals / str(number)),
        tags=["sweep", optimizer],
        description=f"learning rate {rate:g}",
        readme="# A sweep\n\nOver the **learning rate**.\n\n<script>alert(1)</script>",
        echo=False,
    )
    with experiment.run:
        experiment.params.set(
            optimizer={"name": optimizer, "lr": rate}, seed=number % 3, model={"depth": 4 + number % 2, "width": 256}
        )
        for step in range(STEPS):
            loss = 2.3 * math.exp(-step * rate * 8) + 0.25 + chance.gauss(0, 0.06)
            if number == 5 and step >= 300:
                loss = math.nan
            experiment.metrics("train").log(step=step, loss=loss, lr=rate * (1 - step / STEPS))
            if step % 20 == 0:
                experiment.metrics("eval").log(step=step, accuracy=0.9 - math.exp(-step * rate * 6) * 0.8)
                experiment.log(f"step {step}: loss {loss:.3f}", level="info" if step % 100 else "debug")
        experiment.log("the learning rate is at its floor", level="warn", metadata={"lr": 0})
        until_stored(experiment, ["train", "eval"])


def _await(api: str, scope: str) -> None:
    asked: dict[str, Any] = {
        "filter": f'prefix starts with "{scope}/" and status = "COMPLETED" and metrics.train.step.last = {STEPS - 1}',
        "limit": 0,
    }
    until = time.monotonic() + _FOUND_S
    with httpx.Client(base_url=api, timeout=30, trust_env=False) as http:
        while True:
            answer = http.get("/v1/experiments", params=asked)
            found = answer.json().get("count", 0)
            if found == RUNS:
                return
            assert time.monotonic() < until, f"{found} of {RUNS} runs were found: {answer.text}"
            time.sleep(0.2)  # the index follows the store; it tells nobody
