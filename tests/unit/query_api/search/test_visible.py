"""The rows that a caller may read are those that their scopes cover, however many scopes there are."""

from hypothesis import given
from hypothesis import strategies as st

from mldash_api.rights.caller import covers
from mldash_api.search.table import Run, RunTable
from mldash_api.search.visible import Visible

names = st.lists(st.sampled_from(["a", "aa", "b", "ä"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(names, unique=True, max_size=8), st.lists(names, max_size=6))
def test_a_row_is_seen_where_some_scope_covers_its_run(prefixes: list[str], scopes: list[str]) -> None:
    table = RunTable()
    for number, prefix in enumerate(prefixes):
        table.begin(Run(number.to_bytes(16, "big"), prefix, 0, None))
    rows = Visible().rows(table, scopes)
    assert rows[: len(prefixes)].tolist() == [any(covers(one, prefix) for one in scopes) for prefix in prefixes]
    assert not rows[len(prefixes) :].any()
