"""`make mutants` takes minutes; that its patches still fit, and that its tests are there, is known at once."""

import re

import pytest

from .__main__ import _REPOSITORY, check_applies
from .mutations import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[one.name for one in MUTATIONS])
def test_each_mutation_fits_the_source_as_it_is(mutation: Mutation) -> None:
    check_applies(mutation, _REPOSITORY)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[one.name for one in MUTATIONS])
def test_the_tests_that_catch_it_are_there(mutation: Mutation) -> None:
    for test in mutation.caught_by:
        path, _, name = test.partition("::")
        text = (_REPOSITORY / path).read_text()
        assert not name or re.search(rf"^(async )?def {name.partition('[')[0]}\(", text, re.MULTILINE), test
