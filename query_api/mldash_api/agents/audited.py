"""audit_run"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from mldash.answers.audited import AuditAnswer, AuditedSession, FindingAnswer
from mldash.client.client import Client

from .backing import found_run
from .budget import Answer, Part, fit, kept, wider
from .texts import NONE, QUOTED_IS_LOGGED, call_text, number_text, quoted, table

_WORDS: Final = {
    "ok": "all that was written is stored, once",
    "set aside": "nothing is missing, double or damaged, but for events that lie in the dead letters",
    "not ok": "something is missing, double or damaged",
}


def audit_run(client: Client, prefix: str, budget: int) -> Answer:
    """Raises NeedsApi over folders."""
    run = found_run(client, prefix)
    found = client.audit(run.prefix)
    counts = Counter(one["what"] for one in found["findings"])
    verdict = found["verdict"]
    head = [
        f"Run {quoted(run.prefix, 1100)}: {verdict}: {_WORDS[verdict]}. {found['events']} events are stored, of "
        f"{len({one['session'] for one in found['sessions']})} processes in {len(found['streams'])} streams; "
        f"{found['setAside']} lie in the dead letters. {QUOTED_IS_LOGGED}"
    ]
    if counts:
        head.append("Findings: " + ", ".join(f"{what} {count}" for what, count in counts.most_common()) + ".")
    parts = [kept("\n".join(head)), _findings(found, prefix, budget), _sessions(found["sessions"], prefix, budget)]
    facts = {"verdict": verdict, "events": found["events"], "findings": len(found["findings"])}
    return fit(parts, budget, {**facts, "set_aside": found["setAside"]}, {"prefix": run.prefix})


def _findings(found: AuditAnswer, prefix: str, budget: int) -> Part:
    """Damage first."""
    order = sorted(found["findings"], key=lambda one: (not one["isDamage"], one["what"] != "dead-letter"))
    rows = [_finding(one) for one in order]

    def text(size: int) -> str:
        return table(["finding", "stream", "process", "from", "to", "detail"], rows[:size]) if size else ""

    return Part(text, _told("findings", len(rows), prefix, budget), range(len(rows), -1, -1))


def _finding(one: FindingAnswer) -> list[str]:
    first, end = one.get("first"), one.get("end")
    places = [number_text(first), number_text(None if end is None else end - 1)]
    return [
        one["what"],
        _stream(one["kind"], one["name"]),
        one.get("session", NONE)[:8],
        *places,
        quoted(one["detail"]),
    ]


def _sessions(sessions: Sequence[AuditedSession], prefix: str, budget: int) -> Part:
    rows = [
        [
            one["session"][:8],
            _stream(one["kind"], one["name"]),
            number_text(one["claimed"]),
            str(one["stored"]),
            "yes" if one["final"] else "no",
        ]
        for one in sessions
    ]

    def text(size: int) -> str:
        names = ["process", "stream", "says it wrote", "stored", "said at its end"]
        return table(names, rows[:size]) if size else ""

    return Part(text, _told("streams of processes", len(rows), prefix, budget), range(len(rows), -1, -1), rank=1)


def _told(what: str, count: int, prefix: str, budget: int) -> Callable[[int | None], tuple[str, str]]:
    def told(size: int | None) -> tuple[str, str]:
        call = call_text("audit_run", run=prefix, budget=wider(budget))
        return f"{count - (size or 0)} of {count} {what}", call

    return told


def _stream(kind: str, name: str | None) -> str:
    return kind if name == "" else f"{kind} {'(unnamed)' if name is None else quoted(name, 80)}"
