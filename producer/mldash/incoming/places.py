"""Names of entities, projects and runs of other trackers → segments of a prefix."""

import getpass

from mldash.events.identity import parse_prefix
from mldash.events.limits import SEGMENT_BYTES


def prefix_of(*names: str | None) -> str:
    """One segment a name; those that are missing or empty are left out. A slash or a NUL within a name becomes `-`."""
    return parse_prefix("/".join(_segment(name) for name in names if name)).text


def user_name() -> str:
    """Who runs this process; "anonymous" where the host does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "anonymous"


def _segment(name: str) -> str:
    told = str(name).strip().replace("/", "-").replace("\0", "-").encode(errors="replace")
    segment = told[:SEGMENT_BYTES].decode(errors="ignore")
    return f"_{segment}" if segment in ("", ".", "..") else segment
