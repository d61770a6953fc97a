"""The types of packed columns, and what is known of each: the one table for all that pack, store, read and show them.

A packed column is numbers of one type, little endian, end to end (schema.py). Of a value's type nothing is lost: 1, 1.0
and True are of three types, and whatever has no type here is "values", as MessagePack. The names are those that NumPy
and Arrow have for the same types. What only one place does with a type stands there, such as Parquet's encodings of it
(mldash_compactor/chunks/parquet/columns.py).
"""

from array import array
from collections.abc import Sequence
from math import prod
from typing import Any, Final, Literal, NamedTuple

PackedType = Literal["float64", "float32", "int64", "bool"]
ColumnType = Literal[PackedType, "values"]


class Facts(NamedTuple):
    """Of one type."""

    width: int
    """Bytes of a number in a packed column."""
    code: str
    """Of the modules array and struct; array has none for bools."""
    dtype: str
    """NumPy's, in a packed column."""
    python: type
    """What a value of it is when it is read."""
    json: str
    """JSON Schema's name of such a value."""


FACTS: Final[dict[PackedType, Facts]] = {
    "float64": Facts(8, "d", "<f8", float, "number"),
    "float32": Facts(4, "f", "<f4", float, "number"),
    "int64": Facts(8, "q", "<i8", int, "number"),
    "bool": Facts(1, "?", "|b1", bool, "boolean"),
}

# What is asked once a column or more often, by name.
WIDTHS: Final[dict[str, int]] = {name: facts.width for name, facts in FACTS.items()}
DTYPES: Final[dict[str, str]] = {name: facts.dtype for name, facts in FACTS.items()}
ARRAY_CODES: Final[dict[str, str]] = {name: facts.code for name, facts in FACTS.items() if name != "bool"}
NUMBERS: Final = frozenset(ARRAY_CODES)
"""Those that have a part in charts and statistics: a bool is no number there (field_statistics.py)."""
FLOATS: Final = frozenset(name for name, facts in FACTS.items() if facts.python is float)
OF_PYTHON: Final[dict[type, PackedType]] = {facts.python: name for name, facts in FACTS.items() if name != "float32"}
"""What a value is packed as: a Python float is a float64."""

MIN_INT: Final = -(2**63)
MAX_INT: Final = 2**63 - 1
"""The least and the greatest int64."""
EXACT_INT: Final = 2**53
"""Every integer from -EXACT_INT to EXACT_INT is exact as float64."""


def common_type(values: Sequence[Any]) -> PackedType | None:
    """The type in which all of these values can be packed; None where there is none, and of no values."""
    kinds = set(map(type, values))
    if len(kinds) != 1:
        return None
    found = OF_PYTHON.get(kinds.pop())
    return None if found == "int64" and not are_int64(values) else found


def are_int64(integers: Sequence[int]) -> bool:
    """Whether 64 bits hold each of them; at least one."""
    return min(integers) >= MIN_INT and max(integers) <= MAX_INT


def pack_numbers(kind: PackedType, values: Sequence[Any]) -> bytes:
    """The data of a packed column."""
    return bytes(values) if kind == "bool" else array(ARRAY_CODES[kind], values).tobytes()


def unpack_numbers(kind: str, data: bytes | memoryview) -> Sequence[Any]:
    """The reverse of pack_numbers: an array of numbers, or a list of bools. Not for "values"."""
    if kind == "bool":
        return [byte == 1 for byte in data]
    numbers = array(ARRAY_CODES[kind])
    numbers.frombytes(data)
    return numbers


def shaped(flat: Sequence[Any], shape: Sequence[int]) -> list[Any]:
    """Numbers end to end as values of this shape, which are lists."""
    found = list(flat)
    for length in reversed(shape):
        found = [found[at : at + length] for at in range(0, len(found), length)]
    return found


def value_bytes(kind: str, shape: Sequence[int]) -> int:
    """Bytes of one value of this shape in a packed column."""
    return WIDTHS[kind] * prod(shape)
