"""Runs that the index has found, and that are other ones by now."""

from msgspec import structs

from mldash.events.identity import Prefix, experiment_id
from mldash_api.routes.runs import still_there
from mldash_api.stores.streams import ExperimentRef


def ref(prefix: str, generation: int) -> ExperimentRef:
    return ExperimentRef(Prefix(prefix), experiment_id(prefix), generation, 1.0)


def test_runs_that_were_deleted_or_made_anew_since_they_were_found_are_left_out() -> None:
    known = [ref("o/p/same", 2), ref("o/p/gone", 0), ref("o/p/anew", 0), ref("o/p/newer", 3)]
    same = structs.replace(known[0], created_at=2.0)
    assert still_there(known, [same, None, ref("o/p/anew", 1), ref("o/p/newer", 2)]) == [same]
