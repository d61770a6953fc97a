"""Text → what it means, for both grammars: lark's LALR parser makes a tree, linear in the text, and a builder goes over
it from the leaves up, without recursion. Where the text is wrong the error says at which character, what stands there
and what was expected. lark is imported when the first text is read.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import FilterError

if TYPE_CHECKING:
    from lark import Lark


class Grammar(NamedTuple):
    """A file beside the module that reads it. `starts`: the rules that a text may be; `words`: a terminal as one writes
    it; `error`: what is raised."""

    package: str
    file: str
    starts: tuple[str, ...]
    words: Mapping[str, str]
    error: type[FilterError]


def read(grammar: Grammar, text: str, rule: str, builder: Any) -> Any:
    """What the builder, which has a method for each rule, makes of the text. Raises the grammar's error."""
    from lark import exceptions

    try:
        tree = _parser(grammar.package, grammar.file, grammar.starts).parse(text, rule)
    except exceptions.UnexpectedCharacters as error:
        position = error.pos_in_stream or 0
        expected = _expected(grammar, error.allowed or ())
        raise grammar.error(text, position, _word_at(text, position), expected) from None
    except exceptions.UnexpectedToken as error:
        position = len(text) if error.token.type == "$END" else int(error.token.start_pos or 0)
        expected = _expected(grammar, error.accepts or error.expected)
        raise grammar.error(text, position, text[position : error.token.end_pos], expected) from None
    made = dict[int, Any]()
    for node in tree.iter_subtrees():  # a text may be deeper than Python's stack
        children = [made.get(id(child), child) for child in node.children]
        made[id(node)] = getattr(builder, node.data)(children)
    return made[id(tree)]


def check_text(grammar: Grammar, text: str, what: str, most_bytes: int, beginnings: Iterable[str]) -> None:
    """Raises the grammar's error where it is too long, empty, or holds no characters. `what`: it is called."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise grammar.error("", error.start, "", [], "a lone surrogate is no character") from None
    if size > most_bytes:
        raise grammar.error("", 0, text[:40], [], f"{what} of {size:,} bytes, at most {most_bytes:,} are allowed")
    if not text.strip():
        raise grammar.error(text, 0, "", [grammar.words[one] for one in beginnings])


def _word_at(text: str, position: int) -> str:
    rest = text[position:]
    return rest[:1] if rest[:1].isspace() else rest.split(maxsplit=1)[0]  # blanks that the grammar does not know


def _expected(grammar: Grammar, terminals: Iterable[str]) -> list[str]:
    """In words, in the order of the grammar's."""
    names = set(terminals)
    return [word for name, word in grammar.words.items() if name in names]


@cache
def _parser(package: str, file: str, starts: tuple[str, ...]) -> "Lark":
    from lark import Lark

    grammar = files(package).joinpath(file).read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", start=list(starts), maybe_placeholders=False)
