#!/bin/sh
# DuckDB leaves out rows that are NaN where a Parquet column has a least and a greatest value.
#
# parquet-format leaves NaN out of min and max and says that readers have to reckon with it. In DuckDB NaN is greater than
# every number, but a filter on a column whose max is 3.33 finds no NaN: neither isnan(x), nor x > 100, nor
# NOT (x <= 2), of which only rows come whose pages reach above 2. The same file without statistics gives all of them.
#
# Versions: duckdb 2.0.1, pyarrow 26.0.1, numpy 2.4.6.
# Output seen:
#
#     with    isnan(x)      0
#     with    NOT (x <= 2)  3999
#     with    x > 100       0
#     without isnan(x)      1429
#     without NOT (x <= 2)  4857
#     without x > 100       1429
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.1 pyarrow==26.0.1 numpy==2.4.6

cat > finding.py <<'END'
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

x = np.arange(10_000) / 3_000  # 0 … 3.33
x[::7] = np.nan  # 1,429 of them
table = pa.table({"x": x})
pq.write_table(table, "with.parquet", write_page_index=True, max_rows_per_page=1_000)
pq.write_table(table, "without.parquet", write_statistics=False)

import duckdb

for name in ("with", "without"):
    for condition in ("isnan(x)", "NOT (x <= 2)", "x > 100"):
        found = duckdb.sql(f"SELECT count(*) FROM '{name}.parquet' WHERE {condition}").fetchall()[0][0]
        print(f"{name:8}{condition:14}{found}")
END

cat > expected <<'END'
with    isnan(x)      0
with    NOT (x <= 2)  3999
with    x > 100       0
without isnan(x)      1429
without NOT (x <= 2)  4857
without x > 100       1429
END

venv/bin/python finding.py > found
diff expected found && echo "as stated"
