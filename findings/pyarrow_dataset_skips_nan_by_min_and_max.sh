#!/bin/sh
# A pyarrow dataset leaves out whole row groups with NaN for a filter that is a negation.
#
# `~(x <= 100)` is true of NaN (the comparison is false), and a table in memory has 1,429 such rows. From a Parquet file
# whose column x says min 0 and max 3.33, the dataset takes the comparison for true of every row and finds none. With
# `~(x <= 2)`, which the statistics do not settle, and with is_nan, all come. Without statistics all come as well.
#
# Versions: pyarrow 26.0.1, numpy 2.4.6.
# Output seen:
#
#     memory  is_nan       1429 1429
#     memory  ~(x <= 2)    4857 4857
#     memory  ~(x <= 100)  1429 1429
#     with    is_nan       1429 1429
#     with    ~(x <= 2)    4857 4857
#     with    ~(x <= 100)  0 0
#     without is_nan       1429 1429
#     without ~(x <= 2)    4857 4857
#     without ~(x <= 100)  1429 1429
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 numpy==2.4.6

cat > finding.py <<'END'
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

x = np.arange(10_000) / 3_000  # 0 … 3.33
x[::7] = np.nan  # 1,429 of them
table = pa.table({"x": x})
pq.write_table(table, "with.parquet")
pq.write_table(table, "without.parquet", write_statistics=False)

import pyarrow.dataset as ds

filters = {"is_nan": ds.field("x").is_nan(), "~(x <= 2)": ~(ds.field("x") <= 2), "~(x <= 100)": ~(ds.field("x") <= 100)}
sources = {"memory": ds.dataset(table), "with": ds.dataset("with.parquet"), "without": ds.dataset("without.parquet")}
for name, source in sources.items():
    for said, condition in filters.items():
        print(f"{name:8}{said:13}{source.count_rows(filter=condition)} {source.to_table(filter=condition).num_rows}")
END

cat > expected <<'END'
memory  is_nan       1429 1429
memory  ~(x <= 2)    4857 4857
memory  ~(x <= 100)  1429 1429
with    is_nan       1429 1429
with    ~(x <= 2)    4857 4857
with    ~(x <= 100)  0 0
without is_nan       1429 1429
without ~(x <= 2)    4857 4857
without ~(x <= 100)  1429 1429
END

venv/bin/python finding.py > found
diff expected found && echo "as stated"
