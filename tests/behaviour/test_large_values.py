"""A log message or a point of several megabytes passes in every mode; what is above 15 MiB is refused at the call."""

import pytest

from mldash import Experiment

pytestmark = pytest.mark.integration

SIZES = [5 << 20, (15 << 20) - 1_000]
"""Bytes; a call may have 15 MiB, and some hundred of them are what stands around the value."""


def test_messages_of_megabytes_are_read_as_they_were_logged(experiment: Experiment) -> None:
    for size in SIZES:
        experiment.log("x" * size)
    assert [len(line["message"]) for line in experiment.logs.read(wait=30.0)] == SIZES


def test_points_and_entries_with_long_lists_are_read_as_they_were_logged(experiment: Experiment) -> None:
    for size in SIZES:
        values = [0.5] * (size // 9)
        experiment.metrics("long").log(values=values)
        experiment.tracks("long").append(values=values, _ts=size)
    points = experiment.metrics("long").read(wait=30.0)["data"]
    assert [len(point["data"]["values"]) for point in points] == [size // 9 for size in SIZES]
    entries = experiment.tracks("long").read(wait=30.0)["entries"]
    assert [len(entry["values"]) for entry in entries] == [size // 9 for size in SIZES]


def test_parameters_of_megabytes_are_read_as_they_were_set(experiment: Experiment) -> None:
    experiment.params.set(text="y" * (7 << 20))
    assert experiment.params.get(wait=30.0) == {"text": "y" * (7 << 20)}


def test_a_line_above_the_limit_of_a_call_is_cut_and_read(experiment: Experiment) -> None:
    experiment.log("x" * ((15 << 20) + 16_000))
    (line,) = experiment.logs.read(wait=30.0)
    assert 0 < len(line["message"]) <= 15 << 20
    assert line["metadata"]["message_altered"].startswith("cut")


def test_what_is_too_large_is_refused_at_the_call_and_nothing_of_it_is_written(experiment: Experiment) -> None:
    with pytest.raises(ValueError, match=r"\d{8} bytes.*15728640"):
        experiment.metrics("long").log(values=[0.5] * (2 << 20))
    with pytest.raises(ValueError, match=r"8388608"):
        experiment.params.set(text="y" * (9 << 20))
    assert experiment.metrics("long").read()["data"] == []
    assert experiment.params.get() == {}
