#!/bin/sh
# Of a list of Parquet files the columns and types of the first one count, and values of the others change silently.
#
# The first file has integers in x, the second floats and a column y that the first lacks.
#   DuckDB      rounds x to integers and leaves out y, without a word; union_by_name = true gives both
#   ClickHouse  cuts the fraction off and leaves out y; schema_inference_mode = 'union' refuses integers beside floats
#   pyarrow     leaves out y, and refuses a fraction that it would cut off; ds.dataset(…, schema) with the schema of
#               pa.unify_schemas(…, promote_options="permissive") gives both
#   Polars      refuses both; pl.concat([pl.scan_parquet(…), …], how="diagonal_relaxed") gives both
#
# Versions: duckdb 2.0.1, pyarrow 26.0.1, polars 2.1.0, chdb 4.4.0.
# Output seen:
#
#     duckdb                [(1,), (1,)]
#     duckdb union_by_name  [(0.7, 2), (1.0, None)]
#     clickhouse            ['0', '1']
#     pyarrow               ArrowInvalid
#     pyarrow unified       {'x': [1.0, 0.7], 'y': [None, 2]}
#     polars                SchemaError
#     polars relaxed        [(1.0, None), (0.7, 2)]
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

paths = [os.path.abspath(name) for name in ("a.parquet", "b.parquet")]
pq.write_table(pa.table({"x": [1]}), paths[0])
pq.write_table(pa.table({"x": [0.7], "y": [2]}), paths[1])
both = pa.unify_schemas([pq.read_schema(path) for path in paths], promote_options="permissive")
glob = os.path.abspath("{a,b}.parquet")


def show(name, read):
    try:
        print(f"{name:22}{read()}")
    except Exception as error:
        print(f"{name:22}{type(error).__name__}")


show("duckdb", lambda: duckdb.sql(f"SELECT * FROM read_parquet({paths}) ORDER BY x").fetchall())
show("duckdb union_by_name", lambda: duckdb.sql(
    f"SELECT * FROM read_parquet({paths}, union_by_name = true) ORDER BY x").fetchall())
show("clickhouse", lambda: str(chdb.query(f"SELECT * FROM file('{glob}', Parquet) ORDER BY x", "TSV")).split())
show("pyarrow", lambda: ds.dataset(paths).to_table().to_pydict())
show("pyarrow unified", lambda: ds.dataset(paths, both).to_table().to_pydict())
show("polars", lambda: pl.scan_parquet(paths).collect())
show("polars relaxed", lambda: pl.concat([pl.scan_parquet(path) for path in paths], how="diagonal_relaxed").collect().rows())
END

cat > expected <<'END'
duckdb                [(1,), (1,)]
duckdb union_by_name  [(0.7, 2), (1.0, None)]
clickhouse            ['0', '1']
pyarrow               ArrowInvalid
pyarrow unified       {'x': [1.0, 0.7], 'y': [None, 2]}
polars                SchemaError
polars relaxed        [(1.0, None), (0.7, 2)]
END

venv/bin/python finding.py > found
diff expected found && echo "as stated"
