"""Train a small classifier of handwritten digits on several processes, all of which log into one experiment.

    python examples/train_digits.py                                     plain files under .dash/
    MLDASH_REMOTE=http://127.0.0.1:8700 python examples/train_digits.py       the pipeline

Each process (a rank) trains a network of its own on random batches; after every epoch the ranks take the mean of their
weights, so that one model comes out. What they log:

    params                nested, and a branch a rank
    metrics train         each step: loss, accuracy, learning rate
    metrics eval          each epoch and rank: accuracy of each digit, confusion matrix
    logs                  debug, info, warn and error lines with metadata
    tracks training/loss  every tenth step; each rank writes a field of its own at the same timestamps
    tracks digits/answer  a test image at a time: one rank writes what it is, others what the model says
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import Array, c_double, c_long
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sklearn.datasets import load_digits  # type: ignore[import-untyped]

from mldash import Experiment

Floats = NDArray[np.float64]
PIXELS, HIDDEN, DIGITS = 64, 128, 10
WEIGHTS = PIXELS * HIDDEN + HIDDEN + HIDDEN * DIGITS + DIGITS
TRACK_EVERY = 10
ANSWERS = 20
_BARRIER_S = 120.0
_spawn = get_context("spawn")  # the SDK has threads, and a fork copies none of them


class Job(Struct, frozen=True, kw_only=True):
    """What all ranks agree on: `started` is the zero of the tracks' clock, `record` a folder for demo.py's sake."""

    prefix: str
    ranks: int = 4
    epochs: int = 120
    steps: int = 90
    batch: int = 64
    learning_rate: float = 0.5
    started: float = 0.0
    record: str | None = None


class Shared(Struct, frozen=True):
    """Memory that the ranks share: how far each is, a row of weights each, and a place to meet."""

    steps_done: Array[c_long]
    weights: Array[c_double]
    barrier: Any

    def mean_weights(self, rank: int, weights: Floats) -> Floats:
        """The mean over all ranks; waits for the slowest."""
        rows = np.ctypeslib.as_array(self.weights).reshape(len(self.steps_done), WEIGHTS)
        rows[rank] = weights
        self.barrier.wait(_BARRIER_S)
        mean: Floats = rows.mean(axis=0)
        self.barrier.wait(_BARRIER_S)
        return mean


class Network:
    """Pixels → hidden units → ten digits, all weights in one vector."""

    def __init__(self, random: np.random.Generator) -> None:
        self.weights = np.zeros(WEIGHTS)
        hidden, _, out, _ = self._parts(self.weights)
        hidden[:] = random.normal(0, PIXELS**-0.5, hidden.shape)
        out[:] = random.normal(0, HIDDEN**-0.5, out.shape)

    def probabilities(self, pixels: Floats) -> tuple[Floats, Floats]:
        """Of each digit, and the hidden units' activations."""
        hidden, hidden_bias, out, out_bias = self._parts(self.weights)
        active = np.maximum(pixels @ hidden + hidden_bias, 0)
        scores = active @ out + out_bias
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True), active

    def step(self, pixels: Floats, digits: NDArray[np.int64], learning_rate: float) -> tuple[float, float, float]:
        """One step downhill: loss and accuracy of the batch before it, norm of the gradient."""
        likely, active = self.probabilities(pixels)
        rows = np.arange(len(digits))
        loss = -np.log(likely[rows, digits] + 1e-12).mean()
        accuracy = (likely.argmax(axis=1) == digits).mean()
        error = likely.copy()
        error[rows, digits] -= 1
        error /= len(digits)
        gradient = np.empty(WEIGHTS)
        hidden, hidden_bias, out, out_bias = self._parts(gradient)
        out[:], out_bias[:] = active.T @ error, error.sum(axis=0)
        back = (error @ self._parts(self.weights)[2].T) * (active > 0)
        hidden[:], hidden_bias[:] = pixels.T @ back, back.sum(axis=0)
        self.weights -= learning_rate * gradient
        return float(loss), float(accuracy), float(np.linalg.norm(gradient))

    @staticmethod
    def _parts(vector: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        ends = np.cumsum([PIXELS * HIDDEN, HIDDEN, HIDDEN * DIGITS])
        hidden, hidden_bias, out, out_bias = np.split(vector, ends)
        return hidden.reshape(PIXELS, HIDDEN), hidden_bias, out.reshape(HIDDEN, DIGITS), out_bias


class Digits:
    """1,797 images of 8 × 8 pixels; a fifth is kept for evaluation."""

    def __init__(self) -> None:
        pixels, digits = load_digits(return_X_y=True)
        pixels = pixels / 16.0
        order = np.random.default_rng(0).permutation(len(digits))
        test, train = order[: len(order) // 5], order[len(order) // 5 :]
        self.train = pixels[train], digits[train]
        self.test = pixels[test], digits[test]

    def batch(self, random: np.random.Generator, size: int) -> tuple[Floats, NDArray[np.int64]]:
        chosen = random.integers(len(self.train[1]), size=size)
        return self.train[0][chosen], self.train[1][chosen]


def train(experiment: Any, job: Job, rank: int, shared: Shared) -> None:
    """One rank, from the first step to the last, inside an open run."""
    random = np.random.default_rng(1000 + rank)
    data, network = Digits(), Network(np.random.default_rng(7))
    log_params(experiment, job, rank)
    step = best = 0
    for epoch in range(job.epochs):
        learning_rate = job.learning_rate * 0.98**epoch
        for _ in range(job.steps):
            loss, accuracy, gradient = network.step(*data.batch(random, job.batch), learning_rate)
            fields: dict[str, Any] = {"step": step, "rank": rank, "loss": loss, "accuracy": accuracy}
            if step % job.steps == 0:
                fields["learning_rate"] = learning_rate  # fields may differ from point to point
            experiment.metrics("train").log(**fields)
            if step % TRACK_EVERY == 0:
                experiment.tracks("training/loss").append(
                    _ts=job.started + step / 100, **{f"rank{rank}": {"loss": loss, "gradient": gradient}}
                )
            step += 1
            shared.steps_done[rank] = step
        best = evaluate(experiment, job, rank, epoch, data, network, best)
        network.weights = shared.mean_weights(rank, network.weights)
        write_answers(experiment, job, rank, epoch, data, network)
    experiment.params.set(ranks={str(rank): {"steps": step, "finished": True}})
    experiment.log("training ends", metadata={"rank": rank, "steps": step, "best": best})


def log_params(experiment: Any, job: Job, rank: int) -> None:
    """The same from every rank, and a branch that is its own."""
    experiment.params.set(
        model={"kind": "mlp", "layers": [PIXELS, HIDDEN, DIGITS], "activation": "relu", "dropout": None},
        optimizer={"kind": "sgd", "batch": job.batch, "schedule": {"rate": job.learning_rate, "decay": 0.98}},
        data={"set": "digits", "test_share": 0.2},
    )
    experiment.params.set(ranks={str(rank): {"seed": 1000 + rank, "finished": False}})
    experiment.log("training starts", metadata={"rank": rank, "steps": job.epochs * job.steps})


def evaluate(experiment: Any, job: Job, rank: int, epoch: int, data: Digits, network: Network, best: int) -> int:
    """Every test image, before the ranks' weights are joined; returns how many were ever right at most."""
    pixels, digits = data.test
    answers = network.probabilities(pixels)[0].argmax(axis=1)
    confusion = np.zeros((DIGITS, DIGITS), dtype=np.int64)
    np.add.at(confusion, (digits, answers), 1)
    right = int(confusion.trace())
    with np.errstate(invalid="ignore"):
        recall = confusion.diagonal() / confusion.sum(axis=1)
    experiment.metrics("eval").log(
        epoch=epoch,
        rank=rank,
        accuracy=right / len(digits),
        recall=recall.tolist(),
        confusion=confusion.tolist(),
        improved=right > best,
    )
    experiment.logs.debug("evaluated", rank=rank, epoch=epoch, right=right)
    if right < best - 2:
        experiment.logs.warn("fell behind the best epoch", rank=rank, epoch=epoch, right=right, best=best)
    elif right > best and epoch % 10 == 0:
        experiment.log(f"{right} of {len(digits)} right", metadata={"rank": rank, "epoch": epoch})
    worst = int(np.argmin(recall))
    if recall[worst] < 0.9:
        experiment.logs.error(f"digit {worst} is known badly", rank=rank, epoch=epoch, recall=float(recall[worst]))
    return max(best, right)


def write_answers(experiment: Any, job: Job, rank: int, epoch: int, data: Digits, network: Network) -> None:
    """Some test images; the ranks hold one model now, and each writes its part of what there is to say at a time."""
    pixels, digits = data.test
    likely = network.probabilities(pixels[:ANSWERS])[0]
    for number in range(ANSWERS):
        parts: list[dict[str, Any]] = [
            {"digit": int(digits[number])},
            {"answer": int(likely[number].argmax()), "right": bool(likely[number].argmax() == digits[number])},
            {"probability": float(likely[number].max())},
            {"probabilities": likely[number].tolist()},
        ]
        mine = {name: value for part in parts[rank :: job.ranks] for name, value in part.items()}
        mine |= {f"seen_by.rank{rank}": True}
        experiment.tracks("digits/answer").append(_ts=job.started + epoch + number / 32, **mine)


def run_rank(job: Job, rank: int, shared: Shared) -> None:
    """The body of one process."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Experiment(job.prefix, tags=["digits", "example"], echo=False, rank=rank).run as experiment:
            if job.record is None:
                train(experiment, job, rank, shared)
                return
            # Beside this file; only demo.py, which compares, needs it.
            from demo_recording import recorded

            with recorded(experiment, Path(job.record), rank) as both:
                train(both, job, rank, shared)
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # the run is marked CANCELLED; nobody needs a traceback from each rank


def start_all(processes: list[BaseProcess]) -> None:
    """A terminal's Ctrl-C reaches every process: a child heeds it from where its own work begins, not amid imports."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for process in processes:
            process.start()
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def running(job: Job) -> Iterator[tuple[list[BaseProcess], Callable[[], list[int]]]]:
    """The ranks as processes, and a function that tells how many steps each has done. None outlives the block."""
    shared = Shared(
        _spawn.RawArray(c_long, job.ranks), _spawn.RawArray(c_double, job.ranks * WEIGHTS), _spawn.Barrier(job.ranks)
    )
    processes: list[BaseProcess] = [
        _spawn.Process(target=run_rank, args=(job, rank, shared), name=f"rank {rank}") for rank in range(job.ranks)
    ]
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: more threads only get in each other's way
    try:
        start_all(processes)
        yield processes, lambda: list(shared.steps_done)
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
        for process in processes:
            if process.pid is not None:
                process.join()


def wait(processes: list[BaseProcess], tell: Callable[[], None]) -> None:
    """Until all ranks are done, calling `tell` now and then.

    Raises SystemExit as soon as one has failed: the others would wait for it.
    """
    while True:
        alive = any(process.is_alive() for process in processes)
        failures = [
            f"{process.name} ended with exit code {process.exitcode}" for process in processes if process.exitcode
        ]
        if failures:
            raise SystemExit("; ".join(failures))
        tell()
        if not alive:
            return
        time.sleep(0.1)


def progress_bars() -> Progress:
    """A bar a rank."""
    return Progress(
        TextColumn("{task.description:<14}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True)
    )


def main() -> None:
    defaults = Job(prefix=f"demo/digits/{time.strftime('%Y%m%d-%H%M%S')}")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--prefix", default=defaults.prefix, help="the experiment (%(default)s)")
    parser.add_argument("--ranks", type=int, default=defaults.ranks, help="processes (%(default)s)")
    parser.add_argument("--epochs", type=int, default=defaults.epochs, help="(%(default)s)")
    parser.add_argument("--steps", type=int, default=defaults.steps, help="of an epoch (%(default)s)")
    given = parser.parse_args()
    job = Job(prefix=given.prefix, ranks=given.ranks, epochs=given.epochs, steps=given.steps, started=time.time())
    with progress_bars() as bars, running(job) as (processes, steps_done):
        rows = [bars.add_task(f"rank {rank}", total=job.epochs * job.steps) for rank in range(job.ranks)]

        def tell() -> None:
            for row, done in zip(rows, steps_done(), strict=True):
                bars.update(row, completed=done)

        wait(processes, tell)
    print(f"{job.prefix}: {job.ranks} ranks, {job.epochs * job.steps * job.ranks:,} training steps logged")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
