"""What the doctor finds on a host, and that it leaves nothing there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mldash.doctor import Finding, examine
from mldash.doctor.finding import size
from mldash.doctor.servers import _clock
from tests.unit.producer.journal.journals import new_journal


def found(**given: object) -> dict[str, Finding]:
    """What → the finding; the worst one where there are several."""
    order = ["ok", "skipped", "warning", "problem"]
    findings: dict[str, Finding] = {}
    for one in examine(given):
        known = findings.get(one.what)
        if known is None or order.index(one.state) > order.index(known.state):
            findings[one.what] = one
    return findings


def test_a_host_that_is_well_has_no_problem_and_is_left_as_it_was(tmp_path: Path) -> None:
    journal, root = tmp_path / "journal", tmp_path / "dash"
    journal.mkdir()
    findings = found(journal=str(journal), root=str(root))
    assert [one for one in findings.values() if one.state == "problem"] == []
    for what in ("mode", "settings", "journal", "mapped files", "locks", "leftovers", "root"):
        assert findings[what].state == "ok", findings[what]
    assert f"journal={journal} (option)" in findings["settings"].said
    assert list(journal.iterdir()) == [] and not root.exists()


def test_a_wrong_setting_is_named_with_its_source_and_what_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLDASH_LINGER_S", "soon")
    (only,) = examine()
    assert (only.what, only.state) == ("settings", "problem")
    assert "MLDASH_LINGER_S" in only.said and "'soon'" in only.said and "a number" in only.said


def test_settings_say_where_they_come_from_and_secrets_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLDASH_RANK", "3")
    said = found(journal=str(tmp_path), token="s3cr3t")["settings"].said
    assert "rank=3 (MLDASH_RANK)" in said
    assert "s3cr3t" not in said and "token=" in said


def test_a_prefix_that_is_none_is_a_problem(tmp_path: Path) -> None:
    assert "no project" in found(journal=str(tmp_path), prefix="alone")["prefix"].said


def test_a_remote_mode_without_an_address_is_a_problem(tmp_path: Path) -> None:
    assert found(journal=str(tmp_path), mode="remote")["mode"].state == "problem"


def test_a_journal_that_can_not_be_kept_is_a_problem_with_its_reason(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    finding = found(journal=str(file))["journal"]
    assert finding.state == "problem" and str(file) in finding.said and "MLDASH_JOURNAL" in finding.advice


def test_a_local_root_that_can_not_be_written_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    finding = found(journal=str(tmp_path / "journal"), root=str(file / "dash"))["root"]
    assert finding.state == "problem" and str(file) in finding.said


LEAVES = """
import os, signal, sys
from mldash import Experiment
experiment = Experiment("owner/project/left", mode="offline", journal=sys.argv[1], capture_context=False, echo=False)
experiment.run.start()
for step in range(10_000):
    experiment.metrics("train").log(step=step)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_dead_processes_left_is_told_with_its_size_and_what_running_ones_hold_is_theirs(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    done = subprocess.run([sys.executable, "-c", LEAVES, str(journal)], check=False)
    assert done.returncode == -signal.SIGKILL
    living = new_journal(journal)
    living.stream("params").append(1.0, {"a": 1})
    try:
        finding = found(journal=str(journal))["leftovers"]
        assert finding.state == "warning" and finding.advice.endswith("mldash sync")
        assert finding.said.startswith("1 journals") and "owner/project/left" in finding.said
        assert finding.said.endswith("1 of running processes")
    finally:
        living.close()
        living.forget(remove=True)


def test_an_api_and_a_kafka_that_do_not_answer_are_problems_that_say_what_to_correct(tmp_path: Path) -> None:
    findings = found(journal=str(tmp_path), remote="http://127.0.0.1:9")
    assert findings["API"].state == "problem" and "MLDASH_REMOTE" in findings["API"].advice
    assert findings["Kafka"].state == "skipped"
    assert found(journal=str(tmp_path), remote="ftp://host")["API"].state == "problem"
    findings = found(journal=str(tmp_path), kafka="127.0.0.1:9")
    assert findings["Kafka"].state == "problem" and "MLDASH_KAFKA" in findings["Kafka"].advice


@pytest.mark.parametrize(
    ("offset_s", "state", "said"),
    [(0.0, "ok", ""), (-3.0, "ok", ""), (-100.0, "warning", "ahead of"), (100.0, "warning", "behind")],
)
def test_a_clock_that_is_off_is_told_with_its_direction(
    monkeypatch: pytest.MonkeyPatch, offset_s: float, state: str, said: str
) -> None:
    """`offset_s`: the server's clock less ours."""
    import time

    monkeypatch.setattr("mldash.doctor.servers._date_of", lambda address: int(time.time()) + offset_s)
    finding = _clock("http://somewhere")
    assert finding.state == state and said in finding.said


def test_sizes_are_for_people() -> None:
    assert [size(0), size(999), size(1_500), size(20 << 20), size(5e12)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "21.0 MB",
        "5.0 TB",
    ]


def test_the_probe_is_removed_where_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(95, os.strerror(95))

    monkeypatch.setattr("fcntl.flock", refuse)
    finding = found(journal=str(tmp_path))["locks"]
    assert finding.state == "problem" and "not supported" in finding.said
    assert list(tmp_path.iterdir()) == []
