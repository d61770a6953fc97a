"""A journal at its limit, with nobody to take the events: each policy does what it says, and what returned is there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mldash.journal.reading.scan import StoredSource
from mldash.journal.sessions import find_sessions
from tests.unit.producer.journal.journals import events_in

# Remote, with an address where nobody answers; it ends without waiting for anybody.
JOB = """
import json, os, sys
from mldash import Experiment, JournalFull

journal, policy, network_files = sys.argv[1], sys.argv[2], sys.argv[3] == "network"
experiment = Experiment("owner/project/run", remote="http://127.0.0.1:9", journal=journal, journal_bytes=1 << 20,
                        journal_policy=policy, network_files=network_files, close_timeout_s=0.5, echo=False)
told = {"returned": 0, "dropped": 0, "waited": False, "error": None}
experiment.events.on("network_error", lambda *facts: None)
experiment.events.on("dropped", lambda count: told.update(dropped=count))
experiment.events.on("journal_full", lambda *facts: told.update(waited=True))
experiment.run.start()
try:
    while told["dropped"] < 100:
        experiment.metrics("train").log(i=told["returned"], text="x" * 200)
        told["returned"] += 1
except JournalFull as error:
    told["error"] = str(error)
print(json.dumps(told), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize("files", ["locks", "network"])
@pytest.mark.parametrize("policy", ["block", "drop", "raise"])
def test_each_policy_at_the_limit(tmp_path: Path, policy: str, files: str) -> None:
    command = [sys.executable, "-c", JOB, str(tmp_path), policy, files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["error"] is None) == (policy == "drop")
    assert policy == "drop" or "1048576" in told["error"]
    assert told["waited"] == (policy == "block")
    (session,) = find_sessions(tmp_path)
    found = [fields["i"] for _, fields in events_in(StoredSource(session))["metrics", "train"]]
    assert told["returned"] > 1_000
    assert len(found) == told["returned"] - told["dropped"]
    assert found == sorted(set(found))


FAILING_JOB = """
import sys
from mldash import Experiment, JournalFull

experiment = Experiment("owner/project/run", mode="offline", journal=sys.argv[1], journal_bytes=1 << 20, echo=False)
with experiment.run:
    try:
        while True:
            experiment.metrics("train").log(text="x" * 200)
    except JournalFull:
        raise ValueError("the job's own")
"""


def test_a_job_that_fails_with_a_full_journal_ends_with_its_own_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FAILING_JOB, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("ValueError: the job's own")
    assert "how the run of owner/project/run ended is not recorded: the journal" in done.stderr
