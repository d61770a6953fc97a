"""YAML as libraries write it, not as people may: mappings and lists in blocks, scalars plain, quoted or in blocks, and
lists and mappings in brackets. Anchors, tags and keys that are no text are not read."""

import re
from typing import Any, Final

from mldash.events.limits import NESTING

_BLANK: Final = " \t\r"
_CONSTANTS: Final = {"": None, "~": None, "null": None, "true": True, "false": False, "True": True, "False": False}
_INTEGER: Final = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_SPECIAL: Final = {".nan": "nan", ".inf": "inf", "-.inf": "-inf", "+.inf": "inf"}
_KEY: Final = re.compile(r"""((?:[^\s'"\[\]{}#&*!|>%@`,?-]|[-?](?=\S))[^\n]*?)\s*:(?:\s+|$)""", re.ASCII)
_QUOTED_KEY: Final = re.compile(r"""('(?:[^']|'')*'|"(?:[^"\\]|\\.)*")\s*:(?:\s+|$)""", re.ASCII)
_QUOTED: Final = re.compile(r"""('(?:[^']|'')*'|"(?:[^"\\]|\\.)*")\s*(?:#.*)?$""", re.DOTALL | re.ASCII)
_IN_BRACKETS: Final = re.compile(
    r"""\s*('(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|[\[\]{},]|:(?=[\s,\[\]{}]|$)|(?:[^\[\]{},:]|:(?![\s,\[\]{}]|$))+)""",
    re.DOTALL | re.ASCII,
)
_BLOCK: Final = re.compile(r"([|>])([-+]?)([1-9]?)([-+]?)")
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\n[ \t]*|.)", re.DOTALL | re.ASCII)
_ESCAPED: Final = dict(zip("0abtnvfreN_LP", "\0\a\b\t\n\v\f\r\x1b\x85\xa0\u2028\u2029", strict=True))
_FOLD: Final = re.compile(r"[ \t]*\n([ \t]*\n)*[ \t]*")


class NotRead(ValueError):
    """A line of a file that is not of this kind of YAML; the first one is 1."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line

    def __str__(self) -> str:
        return f"line {self.line} is not read"


def parsed(text: str) -> Any:
    """What a file says. Raises NotRead."""
    reader = _Reader(text)
    found = reader.block(0, 0) if reader.next() is not None else None
    if reader.next() is not None:
        raise NotRead(reader.at + 1)
    return found


class _Reader:
    """The lines of a file, and which of them is next."""

    def __init__(self, text: str) -> None:
        self.lines = [line.rstrip(_BLANK) for line in text.split("\n")]
        self.at = 0
        while self.at < len(self.lines) and (self.lines[self.at] in ("", "---") or self.lines[self.at][0] in "%#"):
            self.at += 1

    def next(self) -> tuple[int, str] | None:
        """(indent, text) of the next line that says something."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            said = line.lstrip(" ")
            if said == "..." and len(said) == len(line):
                return None
            if said and not said.startswith("#"):
                return len(line) - len(said), said
            self.at += 1
        return None

    def block(self, least: int, depth: int) -> Any:
        """What begins at the next line, indented by at least so much."""
        found = self.next()
        if found is None or found[0] < least:
            return None
        if depth > NESTING:
            raise NotRead(self.at + 1)
        indent, said = found
        if said == "-" or said.startswith("- "):
            return self._list(indent, depth)
        if _key(said) is not None:
            return self._mapping(indent, depth)
        self.at += 1
        return self._scalar(said, indent - 1, depth)

    def _list(self, indent: int, depth: int) -> list[Any]:
        items = []
        while (found := self.next()) is not None and found[0] == indent:
            said = found[1]
            if said != "-" and not said.startswith("- "):
                break
            if said == "-":
                self.at += 1
                items.append(self.block(indent + 1, depth + 1))
                continue
            rest = said[2:].lstrip(_BLANK)
            if rest.startswith("- ") or rest == "-" or _key(rest) is not None:
                self.lines[self.at] = " " * (indent + len(said) - len(rest)) + rest
                items.append(self.block(indent + 1, depth + 1))
            else:
                self.at += 1
                items.append(self._scalar(rest, indent, depth))
        return items

    def _mapping(self, indent: int, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (line := self.next()) is not None and line[0] == indent and (key := _key(line[1])) is not None:
            name, rest = key
            self.at += 1
            if rest and not rest.startswith("#"):
                found[name] = self._scalar(rest, indent, depth)
                continue
            below = self.next()
            is_list = below is not None and below[0] == indent and (below[1] == "-" or below[1].startswith("- "))
            found[name] = self.block(indent if is_list else indent + 1, depth + 1)
        after = self.next()
        if after is not None and after[0] > indent:
            raise NotRead(self.at + 1)
        return found

    def _scalar(self, said: str, indent: int, depth: int) -> Any:
        """What begins behind a key or a dash, whose line is taken; it goes on in lines that are indented more."""
        first = self.at
        if said[0] in "&*!@`%" or said.startswith("? "):
            raise NotRead(first)
        if (block := _BLOCK.fullmatch(said)) is not None:
            return self._block_text(block[1], block[2] or block[4], indent, int(block[3] or 0))
        if said[0] in "'\"":
            while _QUOTED.match(said) is None:
                if self.at >= len(self.lines):
                    raise NotRead(first)
                said += "\n" + self.lines[self.at]
                self.at += 1
            quoted = _QUOTED.match(said)
            assert quoted is not None
            return _unquoted(quoted[1])
        if said[0] in "[{":
            return self._brackets(said, indent, depth)
        said = said.partition(" #")[0].rstrip(_BLANK)
        while self._goes_on(indent):
            blanks = 0
            while not self.lines[self.at]:
                blanks, self.at = blanks + 1, self.at + 1
            said += ("\n" * blanks or " ") + self.lines[self.at].strip(_BLANK)
            self.at += 1
            if _key(said.rpartition("\n")[2]) is not None:
                raise NotRead(self.at)
        return _plain(said)

    def _brackets(self, said: str, indent: int, depth: int) -> Any:
        """Over as many lines as it takes."""
        first = self.at
        while True:
            try:
                return _Brackets(said, first).whole(depth)
            except NotRead:
                if not self._goes_on(indent):
                    raise
                said += "\n" + self.lines[self.at].strip(_BLANK)
                self.at += 1

    def _goes_on(self, indent: int) -> bool:
        """Whether the next line that is not empty belongs to what began before."""
        at = self.at
        while at < len(self.lines) and not self.lines[at]:
            at += 1
        return at < len(self.lines) and len(self.lines[at]) - len(self.lines[at].lstrip(" ")) > indent

    def _block_text(self, kind: str, chomping: str, indent: int, more: int) -> str:
        lines: list[str] = []
        width = max(indent, 0) + more if more else 0
        while self._goes_on(indent):
            line = self.lines[self.at]
            if line and not width:
                width = len(line) - len(line.lstrip(" "))
            lines.append(line[width:])
            self.at += 1
        text = "\n".join(lines)
        if kind == ">":
            text = re.sub(r"(?<=[^\n])\n(\n*)(?=[^\n ])", lambda found: found[1] or " ", text)
        return text if chomping == "-" or not lines else f"{text}\n"


class _Brackets:
    """A list or a mapping on one line, or on several that are joined."""

    def __init__(self, said: str, line: int) -> None:
        self._said, self._line = said, line
        self._at = 0

    def whole(self, depth: int) -> Any:
        found = self._value(self._token(), depth)
        if self._said[self._at :].strip(_BLANK) and not self._said[self._at :].lstrip(_BLANK).startswith("#"):
            raise NotRead(self._line)
        return found

    def _value(self, token: str, depth: int) -> Any:
        if depth > NESTING or token in ("]", "}", ",", ":") or token[0] in "&*!@`%":
            raise NotRead(self._line)
        if token == "[":
            return self._items(depth)
        if token == "{":
            return self._pairs(depth)
        return _unquoted(token) if token[0] in "'\"" else _plain(token)

    def _items(self, depth: int) -> list[Any]:
        found: list[Any] = []
        while (token := self._token()) != "]":
            found.append(self._value(token, depth + 1))
            if (token := self._token()) == "]":
                break
            if token != ",":
                raise NotRead(self._line)
        return found

    def _pairs(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (token := self._token()) != "}":
            name = _unquoted(token) if token[0] in "'\"" else token
            if token.startswith("? ") or self._token() != ":":
                raise NotRead(self._line)
            found[name] = self._value(self._token(), depth + 1)
            if (token := self._token()) == "}":
                break
            if token != ",":
                raise NotRead(self._line)
        return found

    def _token(self) -> str:
        found = _IN_BRACKETS.match(self._said, self._at)
        if found is None:
            raise NotRead(self._line)
        self._at = found.end()
        return found[1] if found[1][0] in "'\"" else _folded(found[1].strip(_BLANK))


def _key(said: str) -> tuple[str, str] | None:
    """(name, what follows) of a line that begins with a key."""
    found = _QUOTED_KEY.match(said) or (_KEY.match(said) if said[0] not in "'\"" else None)
    if found is None:
        return None
    name = found[1]
    return (_unquoted(name) if name[0] in "'\"" else name), said[found.end() :]


def _plain(said: str) -> Any:
    if said in _CONSTANTS:
        return _CONSTANTS[said]
    if _INTEGER.fullmatch(said) and len(said) < NESTING * 8:
        return int(said)
    if _FLOAT.fullmatch(said) or said.lower() in _SPECIAL:
        return float(_SPECIAL.get(said.lower(), said))
    return said


def _unquoted(said: str) -> str:
    inner = said[1:-1]
    if said[0] == "'":
        return _folded(inner).replace("''", "'")
    pieces, at = [], 0
    for found in _ESCAPE.finditer(inner):
        pieces += [_folded(inner[at : found.start()]), _unescaped(found[1])]
        at = found.end()
    return "".join([*pieces, _folded(inner[at:])])


def _folded(said: str) -> str:
    return _FOLD.sub(lambda found: "\n" * (found[0].count("\n") - 1) or " ", said)


def _unescaped(said: str) -> str:
    if said[0] == "\n":
        return ""
    if len(said) > 1:
        code = int(said[1:], 16)
        return chr(code) if code <= 0x10FFFF else "?"
    return _ESCAPED.get(said, said)
