"""note, tag: the only tools that change something, offered where a setting and a right of the caller allow it.

What stood there before stays in the history of the run (GET /v1/experiments/history), with who changed it.
"""

from collections.abc import Sequence
from typing import Final

from mldash.client.client import Client

from .backing import found_run
from .budget import Answer, fit, kept
from .errors import WrongArgument
from .texts import QUOTED_IS_LOGGED, quoted

CHANGING: Final = ("note", "tag")
_SHOWN: Final = 600
_SHOWN_TAGS: Final = 50


def may_change(client: Client) -> bool:
    """Whether the caller may write anything. Raises as reads do."""
    return any(one["right"] != "read" for one in client.grants())


def note(client: Client, prefix: str, text: str, budget: int) -> Answer:
    """Below the notes that are there by then. Raises NoSuchRun, NotAllowed, WrongArgument."""
    if not text.strip():
        raise WrongArgument("text", "a note says something")
    run = found_run(client, prefix)
    notes = client.annotate(run.prefix, add_note=text)["notes"]
    lines = [f"Noted. The notes of run {quoted(run.prefix, 1100)} end with: {quoted(notes[-_SHOWN:], _SHOWN)}"]
    lines.append(f"They have {len(notes)} letters; what stood there before is in the run's history. {QUOTED_IS_LOGGED}")
    return fit([kept("\n".join(lines))], budget, {"letters": len(notes)}, {"prefix": run.prefix})


def tag(client: Client, prefix: str, add: Sequence[str], remove: Sequence[str], budget: int) -> Answer:
    """Raises NoSuchRun, NotAllowed, WrongArgument."""
    if not add and not remove:
        raise WrongArgument("add", "name tags to add or to remove")
    run = found_run(client, prefix)
    found = client.annotate(run.prefix, add_tags=add, remove_tags=remove)
    tags = found["tags"]
    shown = ", ".join(quoted(one, 80) for one in tags[:_SHOWN_TAGS]) or "none"
    more = f" and {len(tags) - _SHOWN_TAGS} more" if len(tags) > _SHOWN_TAGS else ""
    done = "Changed" if found["changed"] else "They were so already"
    said = f"{done}. The tags of run {quoted(run.prefix, 1100)}: {shown}{more}. {QUOTED_IS_LOGGED}"
    return fit([kept(said)], budget, {"tags": len(tags), "changed": found["changed"]}, {"prefix": run.prefix})
