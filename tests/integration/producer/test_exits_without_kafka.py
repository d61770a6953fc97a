"""With Kafka gone for good: an exit ends in its time, and one line says where the rest is and how it is sent."""

import textwrap
import time
from pathlib import Path

import pytest

from mldash.journal.sessions import find_sessions
from tests.unit.producer.scripts import end_of, run_script, sessions

pytestmark = pytest.mark.integration

NO_KAFKA = """
experiment = Experiment(
    "owner/project/run", mode="remote", kafka="127.0.0.1:9", close_timeout_s=1.3, capture_context=False, echo=False
)
train = experiment.metrics("train")
"""


def lines_of_ours(said: str) -> list[str]:
    return [
        line for line in said.splitlines() if "mldash" in line and "File " not in line and "MLDASH_JOURNAL" not in line
    ]


@pytest.mark.parametrize(
    ("script", "status", "exit_code"),
    [
        ("experiment.run.start(); train.log(a=1)", "COMPLETED", 0),
        ("with experiment: train.log(a=1)", "COMPLETED", 0),
        ("experiment.run.start(); train.log(a=1); raise ValueError('no')", "FAILED", 1),
        ("with experiment: train.log(a=1); raise ValueError('no')", "FAILED", 1),
        ("experiment.run.start(); train.log(a=1); terminate()", "PREEMPTED", 143),
        (
            "experiment.run.start(); train.log(a=1); os.kill(os.getpid(), signal.SIGINT); time.sleep(9)",
            "CANCELLED",
            None,
        ),
    ],
)
def test_with_kafka_gone_an_exit_ends_in_its_time_and_one_line_says_how_the_rest_is_sent(
    tmp_path: Path, script: str, status: str, exit_code: int | None
) -> None:
    begun = time.monotonic()
    said = run_script(tmp_path, NO_KAFKA + script, exit_code=exit_code)
    assert time.monotonic() - begun < 50.0  # not the 60 s of the default: its close timeout is 1.3 s
    (session,) = sessions(tmp_path)
    end = end_of(session)
    assert end is not None and end.status == status
    (folder,) = find_sessions(tmp_path / "journal")
    (line,) = [one for one in lines_of_ours(said) if "not delivered" in one]
    assert "no Kafka broker answers at 127.0.0.1:9" in line and line.endswith(f"`mldash sync {folder.path}`")
    assert any(one.startswith("mldash: delivering 0.0 MB") for one in said.splitlines())


def test_ctrl_c_while_an_exit_waits_ends_the_wait(tmp_path: Path) -> None:
    """It comes when the run has ended and Kafka was asked in vain."""
    script = NO_KAFKA.replace("1.3", "60") + textwrap.dedent(
        """
        def interrupt():
            while experiment.run.is_open or not experiment._session.delivery.barrier.problem:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)
        experiment.run.start()
        train.log(a=1)
        threading.Thread(target=interrupt, daemon=True).start()
        """
    )
    begun = time.monotonic()
    said = run_script(tmp_path, script, exit_code=None)
    assert time.monotonic() - begun < 50  # its close timeout is 60 s
    assert "Traceback" not in said and "mldash sync" in said


def test_an_exit_that_gave_up_once_does_not_wait_a_second_time(tmp_path: Path) -> None:
    said = run_script(
        tmp_path,
        NO_KAFKA
        + textwrap.dedent(
            """
            with experiment:
                train.log(a=1)
                begun = time.monotonic()
            ended = time.monotonic()
            import atexit
            from mldash.session import process_end
            atexit.unregister(process_end.end_all)
            process_end.end_all()
            assert time.monotonic() - ended < (ended - begun) / 2  # the first waited a close timeout long
            """
        ),
    )
    assert said.count("are not delivered") == 1
