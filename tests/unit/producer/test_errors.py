"""No message grows with what an experiment holds."""

import pickle
from pathlib import Path

import pytest

from mldash import Experiment
from mldash.errors import NotYetStored


def test_what_is_not_yet_stored_names_a_few_streams_and_counts_the_rest() -> None:
    """100,000 metrics made a message of megabytes; the fields still hold all."""
    missing = [("metrics", f"name {number}" + "x" * 900, 3) for number in range(100_000)]
    error = NotYetStored([("logs", "", 1), *missing], 10.0)
    assert len(str(error)) < 700
    assert "1 of logs, 3 of metrics 'name 0x" in str(error) and "and 99,996 more" in str(error)
    assert pickle.loads(pickle.dumps(error)).missing == error.missing


def test_few_streams_are_all_named() -> None:
    error = NotYetStored([("metrics", "a", 1), ("tracks", "b", 2)], 1.0)
    assert str(error).startswith("after 1 s not stored yet: 1 of metrics 'a', 2 of tracks 'b'. Read with")


def test_a_metric_that_is_not_there_names_a_few_that_are(tmp_path: Path) -> None:
    with Experiment("owner/project/run", root=tmp_path, echo=False).run as experiment:
        for number in range(300):
            experiment.metrics(f"metric {number:03} " + "y" * 150).log(n=1)
        with pytest.raises(KeyError) as caught:
            experiment.metrics("absent").stats()
        assert len(str(caught.value)) < 700 and "and 295 more" in str(caught.value)


def test_columns_of_unequal_lengths_name_a_few(tmp_path: Path) -> None:
    with Experiment("owner/project/run", root=tmp_path, echo=False).run as experiment:
        columns = {f"field {number}": [1] * (1 + number % 2) for number in range(5_000)}
        with pytest.raises(ValueError, match="more") as caught:
            experiment.metrics("train").log_many(**columns)
        assert len(str(caught.value)) < 700
