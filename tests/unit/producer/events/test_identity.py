"""Prefixes and the ids that follow from them, the same on every host and in every version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.identity import experiment_id, new_session_id, parse_prefix, stream_id, stream_key
from mldash.events.topics import event_topic, event_topics, partition_of
from tests.unit.producer.strategies import texts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("owner/project/name", ("owner", "project", "name")),
        ("/owner/project/a/b/", ("owner", "project", "b")),
        ("owner/project", ("owner", "project", "project")),
        ("ö/日本/x y", ("ö", "日本", "x y")),
    ],
)
def test_a_prefix_has_an_owner_a_project_and_a_name(text: str, parts: tuple[str, str, str]) -> None:
    prefix = parse_prefix(text)
    assert (prefix.owner, prefix.project, prefix.name) == parts
    assert prefix.text == text.strip("/")


@pytest.mark.parametrize(
    "text", ["", "/", "one", "a//b", "a/./b", "a/../b", "a/b\0", "a/" + "x" * 201, "a/\ud800", "a/" * 600 + "b"]
)
def test_a_prefix_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        parse_prefix(text)


def test_something_that_is_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="not NoneType"):
        parse_prefix(None)  # type: ignore[arg-type]


def test_ids_of_version_one_are_what_they_were() -> None:
    """They stand in keys, stores and files for ever."""
    experiment = experiment_id("owner/project/name")
    assert experiment.hex() == "49e477e1205db76d632166feec3257cb"
    assert stream_key(experiment, "metrics", "train").hex() == "d6b3efdcc08a1f82ea413dc1e61e9087"
    assert stream_key(experiment, "metrics", None).hex() == "c81a4d7eb87eafd178b65e60ba2be145"
    assert stream_id(experiment, 1, "tracks", "robot/position").hex() == "62f91f3ddf839ca6e1259896a38ebdaa"
    assert partition_of(stream_key(experiment, "metrics", "train"), 8) == 4


@given(st.lists(st.tuples(texts, st.sampled_from(["metrics", "tracks"]), st.none() | texts), min_size=2, unique=True))
def test_no_two_streams_have_one_key(streams: list[tuple[str, str, str | None]]) -> None:
    keys = {stream_key(experiment_id(prefix), kind, name) for prefix, kind, name in streams}
    assert len(keys) == len(streams)


def test_generations_have_ids_of_their_own() -> None:
    experiment = experiment_id("a/b")
    assert stream_id(experiment, 0, "logs", "") != stream_id(experiment, 1, "logs", "")


def test_session_ids_are_random() -> None:
    assert len({new_session_id() for _ in range(1000)}) == 1000


def test_one_topic_a_kind() -> None:
    assert event_topic("mldash", "metrics") == "mldash.metrics"
    assert sorted(event_topics("x").values()) == ["logs", "metrics", "params", "runs", "tracks"]
