"""What people say of experiments, before any of it is written."""

import pytest

from mldash.events.identity import Prefix, experiment_id
from mldash_api.errors import WrongParameter
from mldash_api.experiments.annotations import MOST_TAGS, Annotation, AskedChange, after, after_all
from mldash_api.limits import MOST_NOTE_BYTES
from mldash_api.stores.streams import ExperimentRef

RUNS = [ExperimentRef(Prefix(f"o/p/{at}"), experiment_id(f"o/p/{at}"), 0, 1.0) for at in range(3)]


def test_a_change_of_many_is_known_before_it_is_made() -> None:
    known = {RUNS[1].id: Annotation(added=("a",), notes="x")}
    made = after_all(RUNS, known, AskedChange(add_tags=("b",)))
    assert [made[one.id].added for one in RUNS] == [("b",), ("a", "b"), ("b",)]
    assert [made[one.id].notes for one in RUNS] == ["", "x", ""]


def test_a_paragraph_comes_below_the_notes_that_are_there_once() -> None:
    noted = Annotation()
    for text in ("one\n", "  two", "  two", "one"):
        noted = after(noted, AskedChange(add_note=text))
    assert noted.notes == "one\n\n  two\n\none"
    assert after(noted, AskedChange(notes="anew", add_note="below")).notes == "anew\n\nbelow"
    assert after(noted, AskedChange(add_note="e")).notes.endswith("one\n\ne")  # though they end with this letter
    assert after(noted, AskedChange(add_note=" \n")) == noted


def test_notes_that_would_be_too_long_are_refused_and_none_is_cut() -> None:
    known = {RUNS[1].id: Annotation(notes="é" * (MOST_NOTE_BYTES // 2 - 1))}
    with pytest.raises(WrongParameter) as caught:
        after_all(RUNS[:2], known, AskedChange(add_note="x"))
    assert caught.value.name == "add_note"


def test_where_one_would_be_too_large_the_whole_change_is_refused() -> None:
    full = Annotation(added=tuple(f"t{at}" for at in range(MOST_TAGS)))
    assert after_all(RUNS, {RUNS[2].id: full}, AskedChange(add_tags=("t0",)))[RUNS[2].id] == full
    with pytest.raises(WrongParameter) as caught:
        after_all(RUNS, {RUNS[2].id: full}, AskedChange(add_tags=("b",)))
    assert caught.value.name == "add_tags"
