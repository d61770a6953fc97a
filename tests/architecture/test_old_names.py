"""Names of 0.1: public ones work and warn, of others the error says where they are."""

import importlib
import pickle
import subprocess
import sys

import pytest

MOVED = {
    "mldash.producer.journal.append": "mldash.producer is mldash ",
    "mldash.ingest_workers.worker": "mldash.ingest_workers is mldash_ingest ",
    "mldash.compactor": "mldash.compactor is mldash_compactor ",
    "mldash.query_api.app": "mldash.query_api is mldash_api ",
    "mldash.deploy.stack.stack": "mldash.deploy is mldash_deploy ",
}


@pytest.mark.parametrize("name", MOVED)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_an_old_name_says_its_new_place(name: str) -> None:
    with pytest.raises(ImportError, match=MOVED[name]):
        importlib.import_module(name)


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("mldash.producer", "mldash", "Experiment"),
        ("mldash.producer.errors", "mldash", "JournalFull"),
        ("mldash.deploy.prepare", "mldash_deploy.prepare", "prepare"),
    ],
)
def test_a_public_name_is_the_same_thing_and_warns_where_it_is_imported(old: str, new: str, name: str) -> None:
    script = f"from {old} import {name} as old\nfrom {new} import {name} as new\nassert old is new"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    assert "<string>:1: FutureWarning: mldash." in done.stderr


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_an_error_that_0_1_pickled_is_read() -> None:
    """As a queue of multiprocessing, or a file, holds it."""
    from mldash import JournalUnwritable

    by_old_name = b"cmldash.producer.errors\nJournalUnwritable\n."
    assert pickle.loads(by_old_name) is JournalUnwritable
