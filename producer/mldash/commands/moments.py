"""A time that a command was given."""

from __future__ import annotations


def moment(text: str | None) -> float | str | None:
    """Seconds, where it is a number; else ISO 8601 text that is still to be read."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
