"""How much of a grid is made: as little as its limit allows, and told before anything is."""

import pytest

from mldash.answers.downsample import ViewRequest
from mldash.query.expressions.parsing import parse_expression
from mldash_api.charts.derived import Derived
from mldash_api.charts.grids import check_cells
from mldash_api.errors import AnswerTooLarge
from mldash_api.limits import MOST_GRID_CELLS

NAMED = [f"f{at}" for at in range(250)]


def test_a_grid_of_named_fields_that_is_too_large_is_refused_by_its_size_alone() -> None:
    with pytest.raises(AnswerTooLarge) as caught:
        check_cells(ViewRequest(NAMED, columns=10_000), Derived(), 100)
    assert caught.value.count == 250 * 10_000 * 100 and caught.value.limit == MOST_GRID_CELLS


def test_expressions_count_as_fields_do_and_a_field_that_is_named_twice_counts_once() -> None:
    derived = Derived((parse_expression("log(f0)"), parse_expression("f0 - 1")))
    columns = MOST_GRID_CELLS // 3
    check_cells(ViewRequest(["f0", "f0"], columns=columns), derived, 1)
    with pytest.raises(AnswerTooLarge):
        check_cells(ViewRequest(["f0", "f1"], columns=columns), derived, 1)


def test_fields_that_nobody_named_count_as_they_come() -> None:
    check_cells(ViewRequest(None, columns=10_000), Derived(), 100)
