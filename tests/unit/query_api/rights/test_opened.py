"""What a link opens, asked for in every way that a request can be written."""

from collections.abc import Mapping, Sequence

import pytest
from msgspec.structs import replace

from mldash_api.rights.opened import LinkKind, Opened, asks_for_more, from_document, in_document

RUN = "alice/robots/walk"
EXPERIMENT = Opened(kind="experiment", prefix=RUN)
CHART = Opened(kind="chart", prefix=RUN, name="train", fields=("loss", "lr"))
RANGE = replace(CHART, kind="range", start=10, end=20)
ALL: tuple[LinkKind, ...] = ("experiment", "chart", "range")

Asked = Mapping[str, Sequence[str]]


def opens(link: Opened, asked: Asked, kinds: tuple[LinkKind, ...] = ALL) -> bool:
    return asks_for_more(link, kinds, asked) is None


def chart(**more: list[str]) -> Asked:
    return {"prefix": [RUN], "name": ["train"], "fields": ["loss"], **more}


def points(**more: list[str]) -> Asked:
    return chart(**{"start_index": ["10"], "limit": ["10"], **more})


def test_a_route_that_does_not_name_the_kind_stays_shut() -> None:
    assert opens(EXPERIMENT, {"prefix": [RUN]}, ("experiment",))
    assert not opens(EXPERIMENT, {"prefix": [RUN]}, ("chart", "range"))
    assert not opens(EXPERIMENT, {"prefix": [RUN]}, ())
    assert not opens(CHART, chart(), ("experiment",))


@pytest.mark.parametrize("prefix", [RUN, f"/{RUN}/", f"{RUN}/"])
def test_an_experiment_is_opened_however_its_prefix_is_written(prefix: str) -> None:
    assert opens(EXPERIMENT, {"prefix": [prefix], "anything": ["else"]})


@pytest.mark.parametrize(
    "prefixes", [[], [""], ["alice/robots"], ["alice"], [f"{RUN}/below"], [f"{RUN}2"], [RUN, RUN], [RUN, "b/c"], ["/"]]
)
def test_an_experiment_below_above_or_beside_is_another(prefixes: list[str]) -> None:
    assert not opens(EXPERIMENT, {"prefix": prefixes})
    assert not opens(CHART, {**chart(), "prefix": prefixes})


def test_a_chart_is_of_its_metric_and_fields_alone() -> None:
    for asked in (chart(), chart(fields=["lr", "loss"]), chart(x=["time"]), chart(x=["lr"]), chart(start=["5"])):
        assert opens(CHART, asked)
    for asked in (
        chart(name=["eval"]),
        chart(name=["train", "eval"]),
        chart(name=[]),
        chart(unnamed=["true"]),
        chart(unnamed=["true"], name=[]),
        chart(fields=[]),
        chart(fields=["secret"]),
        chart(fields=["loss", "secret"]),
        chart(x=["secret"]),
        chart(filter=["secret < 1"]),
        chart(filter=["loss < 1"]),
        chart(expression=["secret * 1"]),
        chart(expression=["loss * 2"]),
        {"prefix": [RUN]},
    ):
        assert not opens(CHART, asked), asked


def test_the_unnamed_metric_is_one_of_its_own() -> None:
    unnamed = replace(CHART, name=None)
    assert opens(unnamed, chart(name=[], unnamed=["true"]))
    for more in ({"name": []}, {"name": []} | {"unnamed": ["false"]}, {"unnamed": ["true"]}, {"name": ["None"]}):
        assert not opens(unnamed, chart(**more)), more


def test_a_range_is_of_its_points_alone_and_they_have_to_be_said() -> None:
    for asked in (points(), points(start_index=["15"], limit=["5"]), points(limit=["0"])):
        assert opens(RANGE, asked)
    for asked in (
        chart(),
        points(start_index=["9"]),
        points(limit=["11"]),
        points(start_index=["15"], limit=["6"]),
        points(limit=[]),
        points(start_index=[]),
        points(start_index=["10", "0"]),
        points(limit=["-1"]),
        points(start_index=["-1"]),
        points(start_index=["1e1"]),
        points(start_index=["١٠"]),
        points(limit=["9" * 30]),
        points(fields=[]),
        points(name=["eval"]),
    ):
        assert not opens(RANGE, asked), asked


@pytest.mark.parametrize("link", [EXPERIMENT, CHART, RANGE, replace(CHART, name=None)])
def test_what_is_stored_is_what_comes_back(link: Opened) -> None:
    assert from_document(in_document(link)) == link
