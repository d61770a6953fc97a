#!/bin/sh
# DVCLive writes the head of a metric's file once, with the columns of its first row. A later row that is logged with
# timestamp=True has one more cell, before the step: DVCLive's own reader then takes the time for the step and the step
# for the value, and pandas refuses the file. Our importer counts a row's cells from its end
# (docs/coming-from/importing.md).
#
# Versions: DVCLive 3.49.1, pandas 3.0.5.
# Output seen: (the file; whether DVCLive reads the second step as 1 and its value as 0.25; what pandas says)
#
#     step loss
#     0 0.5
#     TIME 1 0.25
#     step is TIME, loss is 1
#     pandas: ParserError
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check dvclive==3.49.1 pandas==3.0.5

cat > finding.py <<'END'
import re
from pathlib import Path

import pandas as pd
from dvclive import Live
from dvclive.utils import parse_tsv

with Live("run", dvcyaml=None, report=None, save_dvc_exp=False) as live:
    live.log_metric("loss", 0.5)
    live.next_step()
    live.log_metric("loss", 0.25, timestamp=True)
    live.next_step()

file = Path("run/plots/metrics/loss.tsv")


def without_time(text: str) -> str:
    return re.sub(r"\b\d{13}\b", "TIME", text)


print(without_time(file.read_text().replace("\t", " ")), end="")
row = [*parse_tsv(file)][1]
print(without_time(f"step is {row['step']}, loss is {row['loss']}"))
try:
    pd.read_csv(file, sep="\t")
    print("pandas: reads it")
except pd.errors.ParserError:
    print("pandas: ParserError")
END

cat > expected <<'END'
step loss
0 0.5
TIME 1 0.25
step is TIME, loss is 1
pandas: ParserError
END

DVCLIVE_LOGLEVEL=ERROR DVC_NO_ANALYTICS=1 venv/bin/python finding.py > found
diff expected found && echo "as stated"
