"""Answers as JSON, JSON lines and CSV.

JSON has no NaN, no infinities and no bytes: NaN and the infinities are null, or the strings "NaN", "Infinity" and
"-Infinity" where the caller asks for strings; bytes are base64. (What must come back as it was goes as MessagePack.)

CSV is for spreadsheets too, and these run a text that begins like a formula: it has a "'" before its first sign, as in
the CSV of the dashboard (mldash_api/dashboard/pure/csv.js). Numbers stay as they are.
"""

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

NonFinite = Literal["null", "string"]

_encoder = msgspec.json.Encoder()

# Where the separator of lists is a semicolon, as in much of Europe, or a tab, a cell begins behind each of them too.
_FORMULA: Final = re.compile(r"(^|[;\t\r\n])(\s*[=+\-@\t\r])")


def json_bytes(value: Any, non_finite: NonFinite = "null") -> bytes:
    """One JSON document."""
    return _encoder.encode(value if non_finite == "null" else with_strings(value))


def jsonl_bytes(rows: Iterable[Mapping[str, Any]], non_finite: NonFinite = "null") -> bytes:
    """A row a line, each ended by a newline; without rows empty."""
    listed = list(rows)
    return _encoder.encode_lines(listed if non_finite == "null" else [with_strings(row) for row in listed])


def csv_text(rows: Sequence[Mapping[str, Any]], first: Sequence[str] = ()) -> str:
    """A header and a line a row. Columns: `first`, then the others as they first appear; absent and None are empty.

    Lists, dicts and bytes are JSON text; NaN and the infinities are "NaN", "Infinity" and "-Infinity".
    """
    names = list(column_names(rows, first))
    return csv_lines([names, *([row.get(name) for name in names] for row in rows)])


def csv_lines(rows: Iterable[Sequence[Any]]) -> str:
    """The lines of these cells, as csv_text writes them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(list(map(_cell, row)) for row in rows)
    return text.getvalue()


def column_names(rows: Iterable[Mapping[str, Any]], first: Sequence[str] = ()) -> dict[str, None]:
    """All keys of all rows, `first` before the others, those in the order in which they appear."""
    names = dict.fromkeys(first)
    for row in rows:
        if not names.keys() >= row.keys():
            names.update(dict.fromkeys(row))
    return names


def with_strings(value: Any) -> Any:
    """The value with strings in place of what JSON numbers can't say."""
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, (list, tuple)):
        return [with_strings(item) for item in value]
    if isinstance(value, dict):
        return {key: with_strings(item) for key, item in value.items()}
    return value


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return with_strings(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict, bytes)):
        return _guarded(json_bytes(value, "string").decode())
    return _guarded(value) if isinstance(value, str) else value


def _guarded(text: str) -> str:
    return _FORMULA.sub(r"\1'\2", text)
