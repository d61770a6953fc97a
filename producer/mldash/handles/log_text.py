"""Arguments of a log line → text that can be stored: a line never raises into training for its text.

    lone surrogates (paths have them), in the message and in texts of the metadata   escaped by a backslash
    a message whose __str__ raises                                                   what stands for it: its type
    texts that are too long together with the line                                   cut

The line says so: `message_altered` in its metadata. Metadata stay strict in all else (values.py).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from mldash.events.limits import CALL_BYTES

ALTERED: Final = "message_altered"

_LONGEST_MESSAGE_BYTES: Final = CALL_BYTES // 2
_LONGEST_METADATA_BYTES: Final = 64 * 1024
"""Of one text, where the line is too long."""

_ROOM_BYTES: Final = 64 * 1024
"""For what stands around a line."""


def text_of(message: object) -> tuple[str, str | None]:
    """The message as text that can be stored, and what was done to it."""
    try:
        text, note = str(message), None
    except Exception as error:
        kind = type(message).__name__
        text = str.__str__(message) if isinstance(message, str) else f"<{kind}>"
        note = f"the text of {kind} raised {type(error).__name__}"
    text = str.__str__(text)
    escaped = printable(text)
    return escaped, note if escaped == text else "; ".join(filter(None, (note, "lone surrogates escaped")))


def printable(text: str) -> str:
    """Text of others that may hold lone surrogates, as paths do."""
    return text.encode(errors="backslashreplace").decode()


def printable_texts(value: Any) -> Any:
    """The value with all its texts escaped, of plain lists and dicts."""
    if isinstance(value, str):
        return printable(str.__str__(value))
    if type(value) in (list, tuple):
        return [printable_texts(item) for item in value]
    if type(value) is dict:
        return {printable_texts(key): printable_texts(item) for key, item in value.items()}
    return value


def cut_to_fit(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of a line that is too long with its texts cut; None where these are not what makes it too long."""
    metadata = {
        name: _cut(value, _LONGEST_METADATA_BYTES) if isinstance(value, str) else value
        for name, value in fields.get("metadata", {}).items()
    }
    metadata[ALTERED] = "; ".join(filter(None, (metadata.get(ALTERED), f"cut: {len(fields['message'])} characters")))
    cut = {**fields, "message": _cut(fields["message"], _LONGEST_MESSAGE_BYTES), "metadata": metadata}
    return cut if len(msgspec.msgpack.encode(cut)) + _ROOM_BYTES <= CALL_BYTES else None


def _cut(text: str, most_bytes: int) -> str:
    data = text.encode()
    return text if len(data) <= most_bytes else data[:most_bytes].decode(errors="ignore")
