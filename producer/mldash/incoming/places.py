"""Names of entities, projects and runs of other trackers → segments of a prefix."""

import getpass
from collections.abc import Container

from mldash.events.identity import parse_prefix
from mldash.events.limits import SEGMENT_BYTES
from mldash.session.jobs import without_job


def prefix_of(*names: str | None, templates: Container[int] = ()) -> str:
    """What Experiment is given. One segment a name; those that are missing or empty are left out. A slash or a NUL
    within a name becomes `-`. `{job}` is the job in the names at the positions `templates`, and in others the text."""
    told = [(_segment(name), at in templates) for at, name in enumerate(names) if name]
    parse_prefix("/".join(segment for segment, _ in told))
    return "/".join(segment if is_template else without_job(segment) for segment, is_template in told)


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
