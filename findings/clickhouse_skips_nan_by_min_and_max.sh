#!/bin/sh
# ClickHouse leaves out rows that are NaN where a Parquet column has a least and a greatest value.
#
# isNaN(x) looks into the rows; NOT (x <= 2), which is true of NaN, is turned into a range and held against the
# statistics of row groups and pages: the pages whose min and max lie below 2 are left out, with the NaN that they hold.
# Without statistics the answer is that of a table in memory.
#
# Versions: chdb 4.4.0, pyarrow 26.0.1, numpy 2.4.6.
# Output seen:
#
#     with    isNaN(x)        1429
#     with    NOT (x <= 2)    3999
#     with    NOT (x <= 100)  0
#     without isNaN(x)        1429
#     without NOT (x <= 2)    4857
#     without NOT (x <= 100)  1429
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check chdb==4.4.0 pyarrow==26.0.1 numpy==2.4.6

cat > finding.py <<'END'
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

x = np.arange(10_000) / 3_000  # 0 … 3.33
x[::7] = np.nan  # 1,429 of them
table = pa.table({"x": x})
pq.write_table(table, "with.parquet", write_page_index=True, max_rows_per_page=1_000)
pq.write_table(table, "without.parquet", write_statistics=False)

import os

import chdb

for name in ("with", "without"):
    for condition in ("isNaN(x)", "NOT (x <= 2)", "NOT (x <= 100)"):
        path = os.path.abspath(f"{name}.parquet")
        found = str(chdb.query(f"SELECT count() FROM file('{path}', Parquet) WHERE {condition}")).strip()
        print(f"{name:8}{condition:16}{found}")
END

cat > expected <<'END'
with    isNaN(x)        1429
with    NOT (x <= 2)    3999
with    NOT (x <= 100)  0
without isNaN(x)        1429
without NOT (x <= 2)    4857
without NOT (x <= 100)  1429
END

venv/bin/python finding.py > found
diff expected found && echo "as stated"
