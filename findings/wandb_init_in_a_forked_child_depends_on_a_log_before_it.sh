#!/bin/sh
# What wandb.init() returns in a forked child depends on whether the child has logged before. A child that calls init at
# once has a new run. One that has called wandb.log() first, which goes to its parent's run, gets that run from init too:
# what it logs as its own is then in the parent's history. Our front's init begins a run of the child's own in both cases
# (docs/coming-from/wandb.md).
#
# Versions: wandb 0.31.0, offline.
# Output seen: (what the child does, whether init returned its parent's run)
#
#     init          False
#     log and init  True
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wandb==0.31.0

cat > finding.py <<'END'
import os
import sys

import wandb

settings = wandb.Settings(silent=True, console="off")
parent = wandb.init(project="p", mode="offline", settings=settings)
parent.log({"loss": 1.0})
pid = os.fork()
if pid == 0:
    if "log" in sys.argv[1]:
        wandb.log({"loss": 0.5})
    child = wandb.init(project="p", mode="offline", settings=settings)
    print(f"{sys.argv[1]:13} {child.id == parent.id}", flush=True)
    os._exit(0)
os.waitpid(pid, 0)
parent.finish()
END

cat > expected <<'END'
init          False
log and init  True
END

{
  venv/bin/python finding.py "init"
  venv/bin/python finding.py "log and init"
} > found
diff expected found && echo "as stated"
