"""pandas comes as a component starts, and not while it serves."""

import subprocess
import sys

_SCRIPT = """
import sys
import numpy as np
import pyarrow as pa
import mldash_compactor.compactor
from mldash_compactor.chunks.parquet.conversions import load_conversions
load_conversions()
before = set(sys.modules)
pa.chunked_array([pa.array(np.zeros(3))]).to_numpy()
pa.array(["a"]).to_numpy(zero_copy_only=False)
print(sorted(set(sys.modules) - before))
"""


def test_a_conversion_after_the_start_of_a_component_imports_nothing_more() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
