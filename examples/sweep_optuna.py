"""A sweep with Optuna, an experiment a trial.

    python examples/sweep_optuna.py         plain files under .dash/
    mldash ls 'tags has "sweep"'            the trials

Each trial fits a line to points with its own learning rate, and is pruned where it is worse than half of the others.
"""

from __future__ import annotations

import random

import optuna

from mldash.adapters.optuna import MldashCallback

TRIALS, STEPS = 12, 30


def objective(trial: optuna.Trial) -> float:
    """The loss of a line after some steps of gradient descent."""
    rate = trial.suggest_float("learning_rate", 1e-3, 1.0, log=True)
    source = random.Random(7)
    points = [(x, 3 * x - 1) for x in [source.uniform(-1, 1) for _ in range(50)]]
    slope = offset = loss = 0.0
    for step in range(STEPS):
        x, y = source.choice(points)
        error = slope * x + offset - y
        slope, offset = slope - rate * error * x, offset - rate * error
        loss = sum((slope * x + offset - y) ** 2 for x, y in points) / len(points)
        trial.report(loss, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    return loss


def main() -> None:
    """Run the sweep and say which trial was best."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(study_name="line", sampler=optuna.samplers.TPESampler(seed=7))
    with MldashCallback("me/sweep/line", names=["loss"], tags=["sweep"]) as callback:
        study.optimize(objective, n_trials=TRIALS, callbacks=[callback])
        best = callback.prefix_of(study.best_trial)
    print(f"best of {len(study.trials)}: {best}, loss {study.best_value:.4f}, {study.best_params}")


if __name__ == "__main__":
    main()
