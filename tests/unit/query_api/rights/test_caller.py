"""Who may do what: rights include lesser ones, scopes include what lies below them, and nothing else."""

import pytest

from mldash_api.rights.caller import RIGHTS, Caller, Grant, Right, allows, allows_all, parse_scope, scopes_of


def caller(*grants: tuple[Right, str]) -> Caller:
    return Caller(subject="ada", grants=tuple(Grant(*one) for one in grants), is_private=True)


def test_a_right_includes_the_lesser_ones_and_no_greater_one() -> None:
    for held in RIGHTS:
        allowed = [right for right in RIGHTS if allows(caller((held, "a/b")), right, "a/b/c")]
        assert allowed == list(RIGHTS[: RIGHTS.index(held) + 1])


@pytest.mark.parametrize("scope", ["", "a", "a/b", "a/b/c"])
def test_a_scope_holds_for_itself_and_all_below_it(scope: str) -> None:
    assert allows(caller(("read", scope)), "read", "a/b/c")
    assert allows(caller(("read", scope)), "read", "a/b/c/d")


@pytest.mark.parametrize("prefix", ["a2/b/c", "a/b2", "a/b/c2", "A/b/c", "a", "a/b", ""])
def test_a_scope_holds_for_nothing_beside_or_above_it(prefix: str) -> None:
    """Neither for a longer name that begins like it, nor for what it lies in."""
    assert not allows(caller(("admin", "a/b/c"), ("admin", "a2/b")), "read", prefix) or prefix == "a2/b/c"
    assert not allows(caller(("admin", "a/b/c")), "read", prefix)


def test_names_that_look_alike_are_different_names() -> None:
    """é as one code point and as two: their prefixes are hashed to different experiments."""
    assert not allows(caller(("read", "caf\u00e9")), "read", "cafe\u0301/b/c")


def test_without_a_grant_nothing_is_allowed() -> None:
    assert not any(allows(caller(), right, prefix) for right in RIGHTS for prefix in ("", "a", "a/b/c"))


def test_grants_are_given_by_admins_of_all_that_they_are_on() -> None:
    admin = caller(("admin", "a"), ("write", "b"))
    assert allows_all(admin, [Grant("write", "a/x"), Grant("admin", "a")])
    assert not allows_all(admin, [Grant("read", "a/x"), Grant("read", "b/x")])
    assert not allows_all(admin, [Grant("read", "")])


def test_scopes_within_others_are_left_out_of_a_list() -> None:
    held = caller(("read", "b/x"), ("read", "b"), ("admin", "a/p"), ("write", "a/p/q"), ("read", "c"))
    assert scopes_of(held, "read") == ["a/p", "b", "c"]
    assert scopes_of(held, "write") == ["a/p"]
    assert scopes_of(caller(("read", ""), ("read", "a")), "read") == [""]


@pytest.mark.parametrize(
    ("text", "scope"),
    [("/", ""), ("", ""), ("alice", "alice"), ("/alice/", "alice"), ("a/b/", "a/b"), ("a/b/c", "a/b/c")],
)
def test_a_scope_is_written_like_a_prefix_that_may_be_shorter(text: str, scope: str) -> None:
    assert parse_scope(text) == scope


@pytest.mark.parametrize("text", ["a//b", "..", "a/../b", "a/.", "a\0", "x" * 300, "\ud800"])
def test_what_no_prefix_may_hold_no_scope_may(text: str) -> None:
    with pytest.raises(ValueError, match=r"segment|surrogate|NUL"):
        parse_scope(text)
