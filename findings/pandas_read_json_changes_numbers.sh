#!/bin/sh
# pandas.read_json(lines=True) gives most floats back with other last digits, and makes dates of numbers by their name.
#
# Of 10,000 random floats in [0, 1), written with all digits that they need (repr), 9,199 come back as another float;
# read_csv of the same digits gives each back. Numbers of a column that is called "timestamp", "…_at" or "…_time" become
# dates where they lie after 1971, whatever they count: seconds of a session stay, seconds of the epoch are dates.
# precise_float=True and convert_dates=False read what was written, and so does engine="pyarrow".
#
# Versions: pandas 3.1.1, pyarrow 26.0.1.
# Output seen:
#
#     read_json                 9199 other floats, float64 float64 datetime64[ns]
#     read_json, told so        0 other floats, float64 float64 float64
#     read_json by pyarrow      0 other floats, double double double
#     read_csv                  0 other floats, float64 float64 float64
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pandas==3.1.1 pyarrow==26.0.1

cat > finding.py <<'END'
import io
import json
import random

import pandas

draw = random.Random(7)
rows = [{"x": draw.random(), "offset_time": at / 8, "timestamp": 1.7e9 + at / 8} for at in range(10_000)]
lines = "".join(json.dumps(row) + "\n" for row in rows)
csv = "x,offset_time,timestamp\n" + "".join(",".join(map(repr, row.values())) + "\n" for row in rows)


def show(name, found):
    others = sum(ours != theirs["x"] for ours, theirs in zip(found["x"], rows, strict=True))
    kinds = " ".join(str(found[name].dtype).removesuffix("[pyarrow]") for name in rows[0])
    print(f"{name:26}{others} other floats, {kinds}")


show("read_json", pandas.read_json(io.StringIO(lines), lines=True))
show("read_json, told so", pandas.read_json(io.StringIO(lines), lines=True, precise_float=True, convert_dates=False))
by_arrow = pandas.read_json(io.BytesIO(lines.encode()), lines=True, engine="pyarrow", dtype_backend="pyarrow")
show("read_json by pyarrow", by_arrow)
show("read_csv", pandas.read_csv(io.StringIO(csv)))
END

cat > expected <<'END'
read_json                 9199 other floats, float64 float64 datetime64[ns]
read_json, told so        0 other floats, float64 float64 float64
read_json by pyarrow      0 other floats, double double double
read_csv                  0 other floats, float64 float64 float64
END

venv/bin/python -W ignore finding.py > found
diff expected found && echo "as stated"
