"""The levels of log lines, in rising order."""

LEVELS = ("debug", "info", "warn", "error", "fatal")
_ALIASES = {"warning": "warn", "critical": "fatal"}


def canonical_level(level: str) -> str:
    """The level in lower case, aliases resolved. Raises ValueError "Invalid log level: …" with the list."""
    lowered = level.lower() if isinstance(level, str) else ""
    lowered = _ALIASES.get(lowered, lowered)
    if lowered not in LEVELS:
        raise ValueError(f"Invalid log level: {level!r}. Use one of {', '.join(LEVELS)}")
    return lowered
