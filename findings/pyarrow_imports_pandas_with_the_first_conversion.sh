#!/bin/sh
# pyarrow imports pandas, where it is installed, with the first conversion between numpy's arrays and its own, and not
# when it is imported itself. An event loop that makes its first conversion while it serves stands still for as long as
# the import takes: about half a second of one core, seen as 13 s on a host with many processes to a core.
#
# Reading buffers (pyarrow.py_buffer, Array.from_buffers) does not import it.
#
# Versions: pyarrow 26.0.1, pandas 3.1.1, numpy 2.4.6.
# Output seen:
#
#     import pyarrow    False
#     from_buffers      False
#     to_numpy          True
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6

cat > finding.py <<'END'
import sys

import pyarrow as pa


def show(name):
    print(f"{name:18}{'pandas' in sys.modules}")


show("import pyarrow")
array = pa.Array.from_buffers(pa.float64(), 1, [None, pa.py_buffer(bytes(8))])
show("from_buffers")
array.to_numpy()
show("to_numpy")
END

cat > expected <<'END'
import pyarrow    False
from_buffers      False
to_numpy          True
END

venv/bin/python finding.py > found
diff expected found && echo "as stated"
