"""The exact points as Parquet: a file a metric, with its names in `points/index.json`. What users named never becomes
the name of a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mldash.answers.columns import check_format, columns_of_points, columns_of_table
from mldash.answers.nan_statistics import holds_nan, paths_with_statistics

if TYPE_CHECKING:
    from mldash.mode import Reader


def check_parquet() -> None:
    """Raises PackageMissing where it can't be written."""
    check_format("arrow")


def write_points(readers: Mapping[str, Reader], folder: Path, done: Callable[[str], None]) -> None:
    """All metrics of these runs, one in memory at a time; `done(prefix)` is called after each run.

    Raises as reads do."""
    from pyarrow import parquet

    folder.mkdir()
    files: list[dict[str, Any]] = []
    for prefix, reader in readers.items():
        for metric in reader.metrics():
            name = metric["name"]
            file = f"{len(files):06}.parquet"
            table = _table(reader, name)
            nan = {name for name, column in zip(table.column_names, table.columns, strict=True) if holds_nan(column)}
            statistics = paths_with_statistics(table.schema, nan)
            parquet.write_table(table, folder / file, compression="zstd", write_statistics=statistics)
            files.append({"file": file, "prefix": prefix, "metric": name, "points": table.num_rows})
        done(prefix)
    (folder / "index.json").write_bytes(msgspec.json.format(msgspec.json.encode(files)))


def _table(reader: Reader, name: str | None) -> Any:
    table = reader.metric_table(name, 0, None, None)
    if table is not None:
        return columns_of_table(table, "arrow")
    return columns_of_points((one for page in reader.metric_pages(name, 0) for one in page["data"]), None, "arrow")
