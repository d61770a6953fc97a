"""The mapping that all readers share.

whole numbers     told by the field's name (step, epoch, iteration, …_step): formats of text write 1.0 as 1, and what
                  comes later in a file can't change what was stored. A value that is not whole stays a float
secrets           values of keys that look like one become •••, and so do passwords in URLs
e-mails           are left out
odd values        an int beyond 64 bits and text with lone surrogates become text that can be stored
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from mldash.events.column_types import MAX_INT, MIN_INT
from mldash.events.limits import NAME_BYTES, NESTING
from mldash.events.merging import leaves
from mldash.handles.parameter_values import HIDDEN

from .events import LeftOut

_WHOLE: Final = re.compile(r"(^|[_/.])(step|steps|epoch|iteration|iter)$", re.IGNORECASE)
_SECRET_WORDS: Final = frozenset(
    ("password", "passwd", "passphrase", "pwd", "secret", "apikey", "credential", "credentials")
)

_KEY_BEFORE: Final = frozenset(("api", "access", "private", "secret", "auth", "encryption", "signing"))
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_TOKEN: Final = re.compile(r"[^\s<>\[\]]{16,}")
_PASSWORD_IN_URL: Final = re.compile(r"(\b[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@]*):[^/\s@]+@")
_E_MAIL: Final = re.compile(r"(?:[^<>@]*<)?[^\s<>@:/]+@[^\s<>@:/]+\.[^\s<>@:/]+>?")


def number(name: str, value: float) -> float | int:
    """A number of a field, as its name tells: never the other way in the same column, but for what is not whole."""
    if is_whole(name):
        return int(value) if value == value and abs(value) < 2**63 and value == int(value) else value
    return float(value)


def real(value: Any) -> float | None:
    """A number of JSON; None of what is none, or beyond all floats."""
    try:
        return float(value) if isinstance(value, (int, float)) else None
    except OverflowError:
        return None


def is_whole(name: str) -> bool:
    """Whether values of such a field count something."""
    return _WHOLE.search(name) is not None


def storable(value: Any, depth: int = 0) -> Any:
    """Data of JSON as they can be stored. Raises nothing."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return value if MIN_INT <= value <= MAX_INT else str(value)[:NAME_BYTES]
    if depth >= NESTING:
        return text(repr(value)[:NAME_BYTES])
    if isinstance(value, Mapping):
        return {text(str(key)): storable(one, depth + 1) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(one, depth + 1) for one in value]
    return text(repr(value)[:NAME_BYTES])


def text(value: str) -> str:
    """With a question mark for each lone surrogate, which no encoding takes."""
    return value if value.isascii() else value.encode(errors="replace").decode()


def name_of(value: str) -> str:
    """A name of theirs as one of ours: cut to what a name may have."""
    cleaned = text(value)
    if len(cleaned) <= NAME_BYTES // 4:
        return cleaned
    return cleaned.encode()[:NAME_BYTES].decode(errors="ignore")


def parameters(values: Mapping[str, Any], left: LeftOut) -> dict[str, Any]:
    """One set of parameters as flat dotted keys, without secrets and e-mails."""
    flat: dict[str, Any] = {}
    for key, value in leaves(values):
        name, told = name_of(key), storable(value)
        if isinstance(told, str) and _E_MAIL.fullmatch(told):
            left.count("e-mail")
            continue
        flat.pop(name, None)  # the order is that in which they count
        flat[name] = hidden(name, told, left)
    return flat


def about(values: Mapping[str, Any], left: LeftOut) -> dict[str, Any]:
    """Facts of a run for its metadata: without those that are empty, and as `parameters` has them."""
    return {key: value for key, value in parameters(values, left).items() if value not in (None, "", [], {})}


def hidden(name: str, value: Any, left: LeftOut) -> Any:
    """The value, or •••; the password of a URL alone."""
    if isinstance(value, list):
        return [hidden(name, one, left) for one in value]
    if not isinstance(value, str) or not value:
        return value
    if _looks_secret(name, value):
        left.mask(name)
        return HIDDEN
    without = _PASSWORD_IN_URL.sub(rf"\1:{HIDDEN}@", value)
    if without != value:
        left.mask(name)
    return without


def _looks_secret(name: str, value: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name.rpartition(".")[2])]
    if not _SECRET_WORDS.isdisjoint(words):
        return True
    if any(before in _KEY_BEFORE and word == "key" for before, word in pairwise(words)):
        return True
    # pad_token, eos_token and the like are no secrets.
    return bool(words) and words[-1] == "token" and _TOKEN.fullmatch(value) is not None
