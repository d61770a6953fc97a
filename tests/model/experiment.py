"""What a read must answer, in plain Python: every event once, in the order in which its records first came."""

from typing import Any


class ModelExperiment:
    """Fed with the records of an experiment in the order of their partition."""

    def __init__(self) -> None:
        self.points: dict[str, list[dict[str, Any]]] = {}
        self.entries: dict[str, dict[float, dict[str, Any]]] = {}
        self.lines: list[tuple[str, str, dict[str, Any] | None]] = []
        self.params: dict[str, Any] = {}
        self._stored: set[tuple[bytes, str, str, int]] = set()

    def take(
        self, session: bytes, kind: str, name: str, first_seq: int, events: list[tuple[float, dict[str, Any]]]
    ) -> None:
        """One record: (time, fields) of each event. What was taken before is skipped."""
        for seq, (time, fields) in enumerate(events, first_seq):
            event = (session, kind, name, seq)
            if event not in self._stored:
                self._stored.add(event)
                self._apply(kind, name, time, fields)

    def _apply(self, kind: str, name: str, time: float, fields: dict[str, Any]) -> None:
        if kind == "metrics":
            self.points.setdefault(name, []).append(fields)
        elif kind == "tracks":
            self.entries.setdefault(name, {}).setdefault(time, {}).update(fields)
        elif kind == "logs":
            self.lines.append((fields["level"], fields["message"], fields.get("metadata")))
        else:
            for key, value in fields.items():
                self._set_param(key, value)

    def _set_param(self, key: str, value: Any) -> None:
        for other in list(self.params):
            if other.startswith(key + ".") or key.startswith(other + "."):
                del self.params[other]
        self.params[key] = value

    def ends_of(self, name: str) -> dict[str, tuple[Any, Any]]:
        """The first and the last number of each field of a metric that has any."""
        found: dict[str, tuple[Any, Any]] = {}
        for point in self.points[name]:
            for field, value in point.items():
                if type(value) in (int, float):
                    found[field] = (found[field][0] if field in found else value, value)
        return found

    def entries_of(self, topic: str) -> list[dict[str, Any]]:
        """The answer of a read of the whole track."""
        return [{"timestamp": time, **fields} for time, fields in sorted(self.entries.get(topic, {}).items())]
