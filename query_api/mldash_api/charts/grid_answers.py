"""A grid as an Arrow IPC stream (grid_lists.py: as JSON or MessagePack).

One record batch of float64 columns, uncompressed, without nulls (NaN: no number), a row a pixel column. The
column `x` holds where each begins; every other is one statistic of one field of one run, and says so in its metadata:
`mldash.prefix`, `mldash.field`, `mldash.statistic`, and `mldash.hides`, the columns (numbers by comma) that have points
without a number beside numbers; `mldash.expression` is "true" where the field is the text of one. The schema's
metadata: `mldash.rows`, `mldash.x`, `mldash.end` (where the last pixel column ends), and `mldash.runs`, the runs as
JSON.
"""

import io
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from mldash.answers.kept_points import Floats

from .cells import Statistic
from .grid_lists import runs_of
from .grids import Grids


def grid_arrow(grids: Grids, prefixes: Sequence[str], x: str, statistics: Sequence[Statistic]) -> bytes:
    """The whole stream."""
    columns = list[tuple[pa.Field, Floats]]()
    for prefix, found in zip(prefixes, grids.runs, strict=True):
        if found is None:
            continue
        events = found.grid.events
        for name, is_expression, cells in found.grid.series():
            hides = ",".join(map(str, np.flatnonzero(cells.hides(events)).tolist()))
            for one in statistics:
                told = {"prefix": prefix, "field": name, "statistic": one, "hides": hides}
                told |= {"expression": "true"} if is_expression else {}
                columns.append((column_field(f"{prefix} {name} {one}", told), cells.statistic(one, events)))
    return arrow_stream(grids, prefixes, x, columns, {})


def column_field(name: str, told: dict[str, str]) -> pa.Field:
    """Of a column, with what its metadata tell."""
    return pa.field(name, pa.float64(), False, _metadata(told))


def arrow_stream(
    grids: Grids, prefixes: Sequence[str], x: str, columns: Sequence[tuple[pa.Field, Floats]], more: dict[str, str]
) -> bytes:
    """`x`, then these columns; `more`: what the schema's metadata tell beside what they always do."""
    edges = np.array(grids.shape.edges() if grids.shape else [], np.float64)
    fields = [pa.field("x", pa.float64(), False), *(field for field, _ in columns)]
    arrays = [edges[:-1], *(values for _, values in columns)]
    whole = {"rows": str(len(arrays[0])), "x": x, "end": repr(float(edges[-1])) if len(edges) else ""}
    runs = msgspec.json.encode(runs_of(grids, prefixes)).decode()
    schema = pa.schema(fields, _metadata({**whole, "runs": runs, **more}))
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.record_batch([_column(one) for one in arrays], schema=schema))
    return sink.getvalue()


def _column(values: Floats) -> pa.Array:
    """Its memory as it is: pyarrow's own way over NumPy loads numpy.ma, a quarter of a second of the first answer."""
    return pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def values_in(grids: Grids, statistics: Sequence[Statistic]) -> int:
    """How many an answer holds."""
    return sum(one.grid.held for one in grids.runs if one is not None) * len(statistics)


def _metadata(told: dict[str, str]) -> dict[Any, Any]:
    return {f"mldash.{name}": value.encode() for name, value in told.items()}
