"""Who may shorten addresses, and lengthen them again."""

import pytest

from mldash_api.errors import NotAllowed
from mldash_api.rights.caller import RIGHTS, Caller, Grant
from mldash_api.routes.saved.addresses import check_reads


def test_a_right_on_any_scope_is_enough_and_none_is_not() -> None:
    for right in RIGHTS:
        check_reads(Caller(subject="ada", grants=(Grant(right, "alice/robots"),), is_private=True))
    with pytest.raises(NotAllowed):
        check_reads(Caller(subject="eve", grants=(), is_private=True))
