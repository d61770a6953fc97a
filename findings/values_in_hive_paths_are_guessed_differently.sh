#!/bin/sh
# The value of a hive path (owner=007/…) has another type in each reader.
#
# All of them guess, and no two in the same way. `007` is text in DuckDB and 7 in the others, which so make one owner of
# `7` and `007`. `0x10` is 16 in DuckDB and pyarrow, `1e5` a float in Polars, `+5` a number in ClickHouse, and NaN one in
# Polars and ClickHouse.
#
# Versions: duckdb 2.0.1, pyarrow 26.0.1, polars 2.1.0, chdb 4.4.0.
# Output seen:
#
#     007  duckdb '007'   polars 7         pyarrow 7       clickhouse Int64 7
#     7    duckdb 7       polars 7         pyarrow 7       clickhouse Int64 7
#     0x10 duckdb 16      polars '0x10'    pyarrow 16      clickhouse LowCardinality(String) 0x10
#     1e5  duckdb '1e5'   polars 100000.0  pyarrow '1e5'   clickhouse LowCardinality(String) 1e5
#     +5   duckdb '+5'    polars '+5'      pyarrow '+5'    clickhouse Int64 5
#     NaN  duckdb 'NaN'   polars nan       pyarrow 'NaN'   clickhouse Float64 nan
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1 polars==2.1.0 chdb==4.4.0

cat > finding.py <<'END'
import os

import chdb
import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

for owner in ("007", "7", "0x10", "1e5", "+5", "NaN"):
    folder = os.path.abspath(f"{len(os.listdir('.'))}/owner={owner}")
    os.makedirs(folder)
    path = f"{folder}/part.parquet"
    pq.write_table(pa.table({"x": [1]}), path)
    found = [
        duckdb.sql(f"SELECT owner FROM read_parquet('{path}', hive_partitioning = true)").fetchall()[0][0],
        pl.scan_parquet(path, hive_partitioning=True).collect()["owner"][0],
        ds.dataset(path, partitioning="hive").to_table()["owner"][0].as_py(),
    ]
    said = str(chdb.query(f"SELECT toTypeName(owner), owner FROM file('{path}', Parquet)", "TSV")).split()
    print(f"{owner:5}duckdb {found[0]!r:8}polars {found[1]!r:10}pyarrow {found[2]!r:8}clickhouse", *said)
END

cat > expected <<'END'
007  duckdb '007'   polars 7         pyarrow 7       clickhouse Int64 7
7    duckdb 7       polars 7         pyarrow 7       clickhouse Int64 7
0x10 duckdb 16      polars '0x10'    pyarrow 16      clickhouse LowCardinality(String) 0x10
1e5  duckdb '1e5'   polars 100000.0  pyarrow '1e5'   clickhouse LowCardinality(String) 1e5
+5   duckdb '+5'    polars '+5'      pyarrow '+5'    clickhouse Int64 5
NaN  duckdb 'NaN'   polars nan       pyarrow 'NaN'   clickhouse Float64 nan
END

venv/bin/python finding.py > found
diff expected found && echo "as stated"
