"""What users have logged, on a terminal: it moves no cursor, sets no title and turns no text around.

A character that does not print (controls, C1 controls, bidi controls, separators of lines) is shown as its escape:
\\x1b, \\u202e. Rich takes out a few of them only, and JSON asks for those below U+0020 only.
"""

from __future__ import annotations

from typing import Any, Final

_BMP_END: Final = 0x10000


def printable(text: str) -> str:
    """Newlines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one in "\n\t" else _escaped(one) for one in text)


def printable_line(value: Any) -> str:
    """In one line, each run of white space as one space; a float with six digits."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return printable(" ".join(text.split()))


def printable_json(value: Any, *, in_one_line: bool = False) -> str:
    """The same JSON to whoever reads it: what does not print is \\uXXXX."""
    import msgspec

    data = msgspec.json.encode(value)
    return escaped_json((data if in_one_line else msgspec.json.format(data)).decode())


def escaped_json(text: str) -> str:
    """This JSON, printable."""
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(one if one.isprintable() or one == "\n" else _json_escaped(one) for one in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def _json_escaped(letter: str) -> str:
    code = ord(letter)
    if code < _BMP_END:
        return f"\\u{code:04x}"
    above = code - _BMP_END
    return f"\\u{0xD800 + (above >> 10):04x}\\u{0xDC00 + (above & 0x3FF):04x}"
