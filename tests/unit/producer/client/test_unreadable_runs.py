"""One run of a folder that can't be read: the others are told, and what is in the way is said once."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from mldash import Experiment
from mldash.client.kept_runs import KeptRuns
from mldash.client.live.asked import asked_live
from mldash.client.live.events import Points, Status, UpToDate
from mldash.client.live.over_folder import FolderEvents
from mldash.client.unreadable import RunUnreadable
from mldash.delivery.resend import NoPrefix, find_experiments

BAD, GOOD = "o/p/bad", "o/p/good"


def log(root: Path) -> None:
    for prefix in (BAD, GOOD):
        with Experiment(prefix, root=str(root), echo=False).run as run:
            run.params.set(seed=1)
            run.metrics("train").log(loss=1.0)


def empty_the_state(run: Path) -> None:
    (run / ".state" / "acknowledged").write_bytes(b"")


def damage_a_row(run: Path) -> None:
    path = run / ".state" / "runs.jsonl"
    path.write_bytes(b"x" * (path.stat().st_size - 1) + b"\n")


def put_in_rows_of_another_form(run: Path) -> None:
    path = run / "metrics" / "train" / "data.jsonl"
    path.write_bytes(b'{"a": 1}'.ljust(path.stat().st_size - 1) + b"\n")


def put_a_folder_in_the_way(run: Path) -> None:
    """As of another user: to read it is an OSError, whoever runs this."""
    path = run / ".state" / "runs.jsonl"
    path.unlink()
    path.mkdir()


Harm = Callable[[Path], None]
HARM = [empty_the_state, damage_a_row, put_in_rows_of_another_form, put_a_folder_in_the_way]


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_run_is_left_out_of_lists_and_says_why_by_itself(
    tmp_path: Path, harm: Harm, caplog: pytest.LogCaptureFixture
) -> None:
    log(tmp_path)
    harm(tmp_path / BAD)
    runs = KeptRuns(tmp_path)
    for _ in range(3):
        assert [run["prefix"] for run in runs.plain()] == [GOOD]
    (told,) = warnings_of(caplog)
    assert BAD in told
    with pytest.raises(RunUnreadable) as refused:
        runs.find()[BAD].plain()
    assert BAD in str(refused.value) and refused.value.reason


def test_a_folder_that_says_no_prefix_or_is_unreadable_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log(tmp_path)
    for at, text in enumerate(('{"prefix": "a//b c"}', '{"prefix": 5}')):
        (tmp_path / f"odd-{at}").mkdir()
        (tmp_path / f"odd-{at}" / "experiment.json").write_text(text)
    (tmp_path / "odd-dir" / "experiment.json").mkdir(parents=True)
    (tmp_path / "odd-dir" / ".state").mkdir()
    session = tmp_path / "odd-session" / ".journal" / "one"
    session.mkdir(parents=True)
    (session / "session.json").write_text('{"prefix": "", "session": "00", "mode": "local"}')
    found = list[dict[str, object]]()
    runs = KeptRuns(tmp_path)
    for _ in range(2):
        runs._find_at = 0.0
        found.append(dict(runs.find()))
    assert [list(one) for one in found] == [[BAD, GOOD]] * 2
    assert len(warnings_of(caplog)) == 4
    with pytest.raises((NoPrefix, OSError)):
        find_experiments(tmp_path)
    with pytest.raises(NoPrefix):
        find_experiments(tmp_path / "odd-session")


@pytest.mark.parametrize("harm", HARM)
def test_a_live_stream_goes_on_for_the_others(tmp_path: Path, harm: Harm) -> None:
    """And tells of the damaged one when it is whole again, from where it was."""
    log(tmp_path)
    runs, asked = KeptRuns(tmp_path), asked_live([BAD, GOOD], start="start")
    whole = {path: path.read_bytes() for path in (tmp_path / BAD).rglob("*") if path.is_file()}
    harm(tmp_path / BAD)
    told = set[str]()
    events = FolderEvents(runs.asked_for, asked, None, lambda prefix, error: told.add(prefix))
    seen = list[object]()
    while not isinstance(event := events.next(), UpToDate):
        seen.append(event)
    assert {one.prefix for one in seen if isinstance(one, Points)} == {GOOD} and told == {BAD}
    for path, data in whole.items():
        if path.is_dir():
            path.rmdir()
        path.write_bytes(data)
    while not (isinstance(event := events.next(), Points) and event.prefix == BAD):
        assert isinstance(event, Status) or event is not None
    events.close()
