"""What people say of experiments, before any of it is written."""

import pytest

from mldash.events.identity import Prefix, experiment_id
from mldash_api.errors import WrongParameter
from mldash_api.experiments.annotations import MOST_TAGS, Annotation, AskedChange, after_all
from mldash_api.stores.streams import ExperimentRef

RUNS = [ExperimentRef(Prefix(f"o/p/{at}"), experiment_id(f"o/p/{at}"), 0, 1.0) for at in range(3)]


def test_a_change_of_many_is_known_before_it_is_made() -> None:
    known = {RUNS[1].id: Annotation(added=("a",), notes="x")}
    made = after_all(RUNS, known, AskedChange(add_tags=("b",)))
    assert [made[one.id].added for one in RUNS] == [("b",), ("a", "b"), ("b",)]
    assert [made[one.id].notes for one in RUNS] == ["", "x", ""]


def test_where_one_would_be_too_large_the_whole_change_is_refused() -> None:
    full = Annotation(added=tuple(f"t{at}" for at in range(MOST_TAGS)))
    assert after_all(RUNS, {RUNS[2].id: full}, AskedChange(add_tags=("t0",)))[RUNS[2].id] == full
    with pytest.raises(WrongParameter) as caught:
        after_all(RUNS, {RUNS[2].id: full}, AskedChange(add_tags=("b",)))
    assert caught.value.name == "add_tags"
