"""The parameters of requests to the API that several reads have."""

import json
from typing import Final

from mldash.answers.downsample import ViewRequest

from .transport import Query

ARROW: Final = "application/vnd.apache.arrow.stream"


def metric_query(name: str | None) -> dict[str, str]:
    """Which metric; None is the unnamed one."""
    return {"unnamed": "true"} if name is None else {"name": name}


def view_query(request: ViewRequest) -> Query:
    """What is drawn of it."""
    return {
        "fields": request.fields,
        "x": request.x,
        "start": request.start,
        "end": request.end,
        "points": request.columns,
        "filter": [f"{json.dumps(one.field)} {one.comparison} {one.number!r}" for one in request.filters],
        "expression": request.expressions,
    }
