#!/bin/sh
# wandb itself does not read the variable WANDB_DISABLED: with it a run is opened, logged to and written to the disk as
# without it, though many scripts set it (no file of transformers 5.24 names it any more either). WANDB_MODE=disabled is
# what wandb reads. Our front honours both (docs/coming-from/wandb.md).
#
# Versions: wandb 0.31.0.
# Output seen: (disabled, whether a run's folder was written)
#
#     WANDB_DISABLED=true    False True
#     WANDB_MODE=disabled    True False
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wandb==0.31.0

cat > finding.py <<'END'
import os
import sys
from pathlib import Path

import wandb

name, _, value = sys.argv[1].partition("=")
os.environ[name] = value
run = wandb.init(project="p", dir=sys.argv[2], settings=wandb.Settings(silent=True))
run.log({"loss": 1.0})
disabled = run.disabled
run.finish()
print(f"{sys.argv[1]:22} {disabled} {any(Path(sys.argv[2]).glob('wandb/offline-run-*'))}")
END

cat > expected <<'END'
WANDB_DISABLED=true    False True
WANDB_MODE=disabled    True False
END

mkdir one two
{
  # Offline, so that no account is needed: it is the mode that WANDB_DISABLED leaves as it is.
  WANDB_MODE=offline venv/bin/python finding.py WANDB_DISABLED=true "$work/one"
  venv/bin/python finding.py WANDB_MODE=disabled "$work/two"
} > found
diff expected found && echo "as stated"
