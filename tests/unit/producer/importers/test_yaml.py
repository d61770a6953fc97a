"""YAML as libraries write it is read as they read it."""

from typing import Any, Final

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash.importers.yaml import NotRead, parsed

ODD: Final = (
    *("a\nb", "x: y", "- a", "# no", "yes", "1.0", "0x10", "null", "~", "a\n\nb\n", "  lead", "trail  ", "'q'", '"d"'),
    *("a # b", "a: b: c", "&a", "*a", "!t", "|", ">", "%x", "@x", "`x", "word " * 40, "012", "1:30", "2001-01-01"),
    *("a'b" * 40, 'é"b ' * 40, "a\tb", "a, b", "[a]", "{a: b}", ":", "a:", "-", "?", "? a"),
)
TEXTS: Final = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=100) | st.sampled_from(
    ODD
)
NUMBERS: Final = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
VALUES: Final = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
WAYS: Final[list[dict[str, Any]]] = [
    {},
    {"allow_unicode": True, "sort_keys": False},
    {"default_flow_style": None},
    {"width": 30},
]


class Dumper(yaml.SafeDumper):
    """Says what is twice twice."""

    def ignore_aliases(self, data: object) -> bool:
        return True


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None, derandomize=True)
@given(said=st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_a_library_has_written_is_read_as_that_reads_it(way: dict[str, Any], said: dict[str, Any]) -> None:
    """But for keys that it writes as no text: empty and long ones, behind a question mark."""
    written = yaml.dump(said, Dumper=Dumper, **way)
    try:
        found = parsed(written)
    except NotRead:
        assert "? " in written
    else:
        assert found == yaml.safe_load(written)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text("ab01:-?#&*!|>%@'\"\\[]{}, \n\t.", max_size=60))
def test_whatever_stands_there_is_read_or_refused(said: str) -> None:
    try:
        parsed(said)
    except NotRead as error:
        assert 1 <= error.line <= said.count("\n") + 2


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_numbers_that_are_none_are_read(number: str) -> None:
    said = f"-.{number[1:]}" if number[0] == "-" else f".{number}"
    assert repr(parsed(f"a: {said}")) == f"{{'a': {number}}}"


def test_blocks_of_text_are_read() -> None:
    assert parsed("a: |\n  one\n    two\n\n  three\nb: >-\n  one\n  two\n") == {
        "a": "one\n  two\n\nthree\n",
        "b": "one two",
    }
