"""Whose fields a grid may be grouped by."""

from mldash_api.rights.caller import Caller, Grant
from mldash_api.rights.opened import Opened
from mldash_api.routes.grids import shown_to


def test_a_link_shows_the_experiment_that_it_opens_and_grants_show_theirs() -> None:
    opens = Opened(kind="experiment", prefix="alice/robots/1")
    assert shown_to(Caller(subject="link", grants=(), is_private=True, opens=opens)) == ["alice/robots/1"]
    grants = (Grant("read", "alice/robots"), Grant("write", "bob"))
    assert shown_to(Caller(subject="ada", grants=grants, is_private=True)) == ["alice/robots", "bob"]
