"""Many metrics: what a new name costs, and what their files say in the end."""

import json
import subprocess
import sys
from pathlib import Path

from mldash import Experiment

SCRIPT = """
import os, sys
from mldash import Experiment

folder, names = sys.argv[1], 500
opened, made = [], []

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)) and "metrics/m" in os.fsdecode(arguments[0]):
        opened.append(arguments[0])
    elif event == "os.mkdir" and "metrics/m" in str(arguments[0]):
        made.append(arguments[0])

sys.addaudithook(hook)
with Experiment("owner/project/run", root=folder, echo=False, capture_context=False).run as experiment:
    for number in range(names):
        experiment.metrics(f"m{number}").log(n=number)
print(len(opened) / names, len(made) / names)
"""


def test_a_new_name_costs_few_files_opened(tmp_path: Path) -> None:
    """Counted by Python's audit hook: a folder, its rows (tried, then made with the folder), whose they are, and its
    metadata.json. It was eleven opens and two folders, and most of a run's end."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], check=True, capture_output=True, text=True)
    opens, folders = map(float, done.stdout.split())
    assert opens <= 4 and folders <= 1, done.stdout
    for number in range(500):
        folder = tmp_path / f"owner/project/run/metrics/m{number}"
        row, metadata = (json.loads((folder / name).read_bytes()) for name in ("data.jsonl", "metadata.json"))
        assert row["data"] == {"n": number} and metadata["totalDataPoints"] == metadata["nextIndex"] == 1
        assert metadata["createdAt"] == metadata["updatedAt"] == row["createdAt"]


def test_metadata_follows_rows_of_other_runs_too(tmp_path: Path) -> None:
    """What a process knows of a file by itself counts only as long as it has followed every row of it: two sessions
    take turns, and each leaves the first row's time and the last one's."""
    root = tmp_path / "dash"
    script = (
        "import sys; from mldash import Experiment\n"
        "with Experiment('owner/project/run', root=sys.argv[1], echo=False).run as experiment:\n"
        "    experiment.metrics('m').log(who='other')"
    )
    with Experiment("owner/project/run", root=root, echo=False).run as experiment:
        for number in range(3):
            experiment.metrics("m").log(who="own", number=number)
            experiment.flush()
            subprocess.run([sys.executable, "-c", script, str(root)], check=True)
        experiment.metrics("m").log(who="own", number=3)
    folder = root / "owner/project/run/metrics/m"
    rows = [json.loads(line) for line in (folder / "data.jsonl").read_bytes().splitlines()]
    metadata = json.loads((folder / "metadata.json").read_bytes())
    assert [row["data"]["who"] for row in rows] == ["own", "other"] * 3 + ["own"]
    assert metadata["totalDataPoints"] == 7
    assert (metadata["createdAt"], metadata["updatedAt"]) == (rows[0]["createdAt"], rows[-1]["createdAt"])
