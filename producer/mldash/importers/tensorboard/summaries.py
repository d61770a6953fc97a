"""Summaries of TensorFlow → values.

A scalar is `simple_value`, or a tensor of one number: a list of numbers or bytes in little endian, by its dtype. The
plugin that a tag belongs to stands in the first value of the tag in a file only.
"""

import struct
from typing import Any, Final, NamedTuple

from mldash.importers.protobuf import Malformed, double, fields, message, numbers, signed, single, text, varints

_TAG, _SIMPLE, _HISTOGRAM, _TENSOR, _METADATA = 1, 2, 5, 8, 9
_UNKEPT: Final = {3: "histogram", 4: "image", 6: "audio"}
"""Fields of a value that are not taken."""

_DTYPE, _SHAPE, _CONTENT, _STRINGS = 1, 2, 4, 8
_BFLOAT16: Final = 14
_PACKED: Final = {1: "f", 2: "d", 3: "i", 4: "B", 5: "h", 6: "b", 9: "q", 10: "?", 17: "H", 19: "e", 22: "I", 23: "Q"}
_LISTS: Final = {1: (5, "f"), 2: (6, "d")}
_WHOLE_LISTS: Final = {3: 7, 4: 7, 5: 7, 6: 7, 9: 10, 10: 11, 17: 7, 22: 16, 23: 17}
_HALVES: Final = 13
_MOST_BINS: Final = 100_000


class Value(NamedTuple):
    """One tag's value: `kind` is scalar, text, histogram, hparams, or what it is that is not taken."""

    tag: str
    kind: str
    value: Any


def values_of(summary: bytes, plugins: dict[str, str]) -> list[Value]:
    """The values of one summary; `plugins` remembers the plugin of each tag of the file. Raises Malformed."""
    return [_value(data, plugins) for number, data in fields(summary) if number == 1 and isinstance(data, bytes)]


def _value(data: bytes, plugins: dict[str, str]) -> Value:
    found = message(data)
    tag = text(found.get(_TAG))
    if _SIMPLE in found:
        return Value(tag, "scalar", single(found[_SIMPLE]))
    content = b""
    if _METADATA in found:
        plugin = message(message(found[_METADATA]).get(1, b""))
        plugins[tag] = text(plugin.get(1))
        if isinstance(told := plugin.get(2), bytes):
            content = told
    plugin_name = plugins.get(tag, "")
    if plugin_name == "hparams":
        return Value(tag, "hparams", _hyperparameters(content))
    if _HISTOGRAM in found:
        return Value(tag, "histogram", _old_histogram(found[_HISTOGRAM]))
    if _TENSOR in found:
        return _tensor(tag, plugin_name, found[_TENSOR])
    return Value(tag, next((kind for number, kind in _UNKEPT.items() if number in found), "empty"), None)


def _tensor(tag: str, plugin: str, data: int | bytes) -> Value:
    found = message(data)
    dtype, shape = signed(found.get(_DTYPE)), _shape(found.get(_SHAPE, b""))
    if plugin == "text" or tag.endswith("/text_summary"):
        strings = [text(one) for number, one in fields(data if isinstance(data, bytes) else b"") if number == _STRINGS]
        return Value(tag.removesuffix("/text_summary"), "text", "\n".join(strings))
    if plugin == "histograms" and len(shape) == 2 and shape[1] == 3 and shape[0] <= _MOST_BINS:
        rows = _numbers_of(found, dtype, shape[0] * 3)
        if rows is not None:
            edges = [*rows[0:1], *rows[1::3]]
            return Value(tag, "histogram", {"bins": edges, "values": rows[2::3]})
    if plugin in ("scalars", "") and all(size == 1 for size in shape):
        one = _numbers_of(found, dtype, 1)
        if one is not None:
            return Value(tag, "scalar", one[0])
    return Value(tag, plugin or "tensor", None)


def _shape(data: int | bytes) -> list[int]:
    if isinstance(data, int):
        raise Malformed(0)
    return [signed(message(dim).get(1)) for number, dim in fields(data) if number == 2]


def _numbers_of(found: dict[int, int | bytes], dtype: int, count: int) -> list[Any] | None:
    """So many numbers of a tensor; None where it holds none that are known. Equal ones at the end may be left out."""
    if _CONTENT in found and dtype in _PACKED:
        told: list[Any] = numbers(_PACKED[dtype], found[_CONTENT])
    elif _CONTENT in found and dtype == _BFLOAT16:
        told = [_of_bfloat16(int(one)) for one in numbers("H", found[_CONTENT])]
    elif dtype in _LISTS and _LISTS[dtype][0] in found:
        told = numbers(_LISTS[dtype][1], found[_LISTS[dtype][0]])
    elif dtype in _WHOLE_LISTS and _WHOLE_LISTS[dtype] in found:
        told = list(varints(found[_WHOLE_LISTS[dtype]]))
    elif _HALVES in found:
        bits = varints(found[_HALVES])
        told = [_of_bfloat16(one) if dtype == _BFLOAT16 else _of_half(one) for one in bits]
    else:
        return None
    if not told or len(told) > count:
        return None
    return told + told[-1:] * (count - len(told))


def _of_half(bits: int) -> float:
    found: float = struct.unpack("<e", (bits & 0xFFFF).to_bytes(2, "little"))[0]
    return found


def _of_bfloat16(bits: int) -> float:
    found: float = struct.unpack("<f", ((bits & 0xFFFF) << 16).to_bytes(4, "little"))[0]
    return found


def _old_histogram(data: int | bytes) -> dict[str, list[float]]:
    """Limits are right edges; the least value stands for the first left one."""
    found = message(data)
    return {
        "bins": [double(found.get(1)), *numbers("d", found.get(6, b""))],
        "values": numbers("d", found.get(7, b"")),
    }


def _hyperparameters(content: bytes) -> dict[str, Any]:
    """Those of a session's start; {} of what else the plugin says."""
    start = message(content).get(3)
    if not isinstance(start, bytes):
        return {}
    found = {}
    for number, entry in fields(start):
        if number == 1 and isinstance(entry, bytes):
            pair = message(entry)
            found[text(pair.get(1))] = _plain(message(pair.get(2, b"")))
    return found


def _plain(value: dict[int, int | bytes]) -> Any:
    """A google.protobuf.Value: null, a number, text or a bool; lists and structs as they rarely are, as None."""
    if 2 in value:
        return double(value[2])
    if 3 in value:
        return text(value[3])
    return bool(value[4]) if 4 in value else None
