#!/bin/sh
# A column that the file has is replaced by the key of its path, silently, in readers that find hive paths by themselves.
#
# The file at owner=alice/part.parquet has a column `owner` with the value "me".
# DuckDB and ClickHouse answer with the path's unless
# they are told hive_partitioning = false and use_hive_partitioning = 0; Polars and pyarrow once they are told
# hive_partitioning=True and partitioning="hive".
#
# Versions: duckdb 2.0.1, pyarrow 26.0.1, polars 2.1.0, chdb 4.4.0.
# Output seen:
#
#     duckdb          [('alice',)]
#     duckdb off      [('me',)]
#     polars          [('me',)]
#     polars on       [('alice',)]
#     clickhouse      ['alice']
#     clickhouse off  ['me']
#     pyarrow         [{'owner': 'me', 'x': 1}]
#     pyarrow hive    [{'owner': 'alice', 'x': 1}]
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

os.makedirs("owner=alice")
path = os.path.abspath("owner=alice/part.parquet")
pq.write_table(pa.table({"owner": ["me"], "x": [1]}), path)


def show(name, read):
    try:
        print(f"{name:16}{read()}")
    except Exception as error:
        print(f"{name:16}{type(error).__name__}")


show("duckdb", lambda: duckdb.sql(f"SELECT owner FROM read_parquet('{path}')").fetchall())
show("duckdb off", lambda: duckdb.sql(f"SELECT owner FROM read_parquet('{path}', hive_partitioning = false)").fetchall())
show("polars", lambda: pl.scan_parquet(path).select("owner").collect().rows())
show("polars on", lambda: pl.scan_parquet(path, hive_partitioning=True).select("owner").collect().rows())
show("clickhouse", lambda: str(chdb.query(f"SELECT owner FROM file('{path}', Parquet)", "TSV")).split())
show("clickhouse off", lambda: str(chdb.query(
    f"SELECT owner FROM file('{path}', Parquet) SETTINGS use_hive_partitioning = 0", "TSV")).split())
show("pyarrow", lambda: ds.dataset(path).to_table().to_pylist())
show("pyarrow hive", lambda: ds.dataset(path, partitioning="hive").to_table().to_pylist())
END

cat > expected <<'END'
duckdb          [('alice',)]
duckdb off      [('me',)]
polars          [('me',)]
polars on       [('alice',)]
clickhouse      ['alice']
clickhouse off  ['me']
pyarrow         [{'owner': 'me', 'x': 1}]
pyarrow hive    [{'owner': 'alice', 'x': 1}]
END

venv/bin/python finding.py > found
diff expected found && echo "as stated"
