"""Statistics of one metric as they were read, carried forward by the points that are told since. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from mldash.answers.shapes import MetricStatistics
from mldash.client.live.events import Points
from mldash.events.field_statistics import is_number

CARRIED: Final = frozenset(("count", "min", "max", "last", "first"))
"""Others are read: a sum of floats is exact in one order alone."""


class CarriedStatistics:
    """`fields` is field → statistic → number; those that are not carried forward are as they were read."""

    def __init__(self, read: MetricStatistics) -> None:
        self.end = read["totalDataPoints"]
        """Of the points that they are made of: the index behind the last one."""
        self.fields: dict[str, dict[str, Any]] = {name: dict[str, Any](one) for name, one in read["fields"].items()}

    def carry(self, told: Points) -> bool:
        """Whether the points could be added; else the statistics are to be read anew: a point is missing before them,
        or one has null, which may have been NaN or infinite."""
        if told.first_index > self.end:
            return False
        for point in told.points[self.end - told.first_index :]:
            data: Mapping[str, Any] = point["data"]
            if None in data.values():
                return False
            for name, value in data.items():
                if is_number(value):
                    self._add(name, value)
            self.end = point["index"] + 1
        return True

    def _add(self, name: str, value: int | float) -> None:
        one = self.fields.get(name)
        if one is None:
            one = self.fields[name] = {"count": 0, "min": None, "max": None, "first": value}
        one["count"] += 1
        one["min"] = value if one["min"] is None else min(one["min"], value)
        one["max"] = value if one["max"] is None else max(one["max"], value)
        one["last"] = value
