#!/bin/sh
# Ray Tune's Trial.get_error() and get_pickled_error() are None while callbacks are told that the trial failed
# (on_trial_error, log_trial_end(failed=True)), and the error is there once fit() has returned: both read the storage, to
# which the error's files are copied later. At that time the text lies in the file that trial.error_file names. Our
# adapter reads that one (mldash.adapters.ray_tune).
#
# Versions: ray 2.60.0.
# Output seen:
#
#     in the callback: get_error None, get_pickled_error None, error_file tells ValueError: True
#     after fit():     get_error tells ValueError: True
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check 'ray[tune]==2.60.0'

cat > finding.py <<'END'
import os
from pathlib import Path

import ray
from ray import tune


def say(line):
    with open("found", "a") as file:
        print(line, file=file)


class Asking(tune.Callback):
    def on_trial_error(self, iteration, trials, trial, **info):
        told = "ValueError: broken" in Path(trial.error_file).read_text()
        asked = f"get_error {trial.get_error()}, get_pickled_error {trial.get_pickled_error()}"
        say(f"in the callback: {asked}, error_file tells ValueError: {told}")
        self.failed = trial


def train(config):
    raise ValueError("broken")


ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR")
asking = Asking()
run = tune.RunConfig(name="one", storage_path=os.path.abspath("out"), callbacks=[asking], verbose=0)
tune.Tuner(train, run_config=run).fit()
say(f"after fit():     get_error tells ValueError: {'ValueError: broken' in asking.failed.get_error()}")
ray.shutdown()
END

cat > expected <<'END'
in the callback: get_error None, get_pickled_error None, error_file tells ValueError: True
after fit():     get_error tells ValueError: True
END

venv/bin/python finding.py > told 2>&1 || { cat told; exit 1; }
diff expected found && echo "as stated"
