"""Groups become rights, as they are written in the setting."""

import pytest

from mldash_api.rights.caller import Grant
from mldash_api.rights.proxy_user import group_rights_of


def test_groups_have_rights_on_scopes() -> None:
    texts = ["robots=write:robots", "leads = admin:/", "*=read:/public/demo/", "cn=x,ou=y=read:a"]
    assert group_rights_of(texts) == [
        ("robots", Grant("write", "robots")),
        ("leads", Grant("admin", "")),
        ("*", Grant("read", "public/demo")),
        ("cn=x,ou=y", Grant("read", "a")),
    ]


@pytest.mark.parametrize("text", ["robots", "=read:a", "robots=own:a", "robots=read", "robots=read:a//b", ""])
def test_what_says_no_right_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"GROUP=RIGHT:SCOPE|segment"):
        group_rights_of([text])
