"""`{job}` in a prefix."""

import pickle

import pytest

from mldash import Client, Experiment
from mldash.session.jobs import with_job, without_job

ARRAY = {"SLURM_JOB_ID": "77", "SLURM_ARRAY_JOB_ID": "70", "SLURM_ARRAY_TASK_ID": "4", "SLURM_CLUSTER_NAME": "big"}


@pytest.mark.parametrize(
    ("prefix", "environment", "expected"),
    [
        ("alice/robots/{job}", {"SLURM_JOB_ID": "77"}, "alice/robots/77"),
        ("alice/robots/walk-{job}/eval", ARRAY, "alice/robots/walk-70_4/eval"),
        ("alice/robots/{job}", {"TORCHELASTIC_RUN_ID": "a/b:c"}, "alice/robots/a-b:c"),
        ("alice/robots/{{job}}", {"SLURM_JOB_ID": "77"}, "alice/robots/{job}"),
        ("alice/robots/{{job}}", {}, "alice/robots/{job}"),
        ("alice/{name}/{}", {}, "alice/{name}/{}"),
    ],
)
def test_a_prefix_has_the_name_of_the_job(prefix: str, environment: dict[str, str], expected: str) -> None:
    assert with_job(prefix, environment) == expected


def test_every_rank_and_every_attempt_fills_in_the_same() -> None:
    ranks = [{**ARRAY, "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": rank} for rank in "01"]
    requeued = {**ARRAY, "SLURM_RESTART_COUNT": "1", "SLURMD_NODENAME": "n9"}
    assert {with_job("a/b/{job}", one) for one in [*ranks, requeued]} == {"a/b/70_4"}


def test_outside_of_a_job_it_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(ValueError, match=r"'a/b/\{job\}' names the job, and this process is in none") as raised:
        Experiment("a/b/{job}")
    assert "Slurm" in str(raised.value) and "{{job}}" in str(raised.value)


def test_what_was_filled_in_is_carried_and_never_filled_in_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    named, literal = Experiment("a/b/{job}", mode="disabled"), Experiment("a/b/{{job}}", mode="disabled")
    monkeypatch.setenv("SLURM_JOB_ID", "78")
    assert pickle.loads(pickle.dumps(named)).prefix == "a/b/77"
    assert pickle.loads(pickle.dumps(literal)).prefix == "a/b/{job}"


@pytest.mark.parametrize("prefix", ["a/b/{job}", "a/b/{{job}}", "a/{{{job}}}/{x}"])
def test_any_name_can_be_written(prefix: str) -> None:
    assert with_job(without_job(prefix), {"SLURM_JOB_ID": "77"}) == prefix


def test_who_reads_names_a_run_and_no_job(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    assert Client(root=str(tmp_path)).run("a/b/{job}").prefix == "a/b/{job}"
