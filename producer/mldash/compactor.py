"""Where 0.1 had mldash_compactor (_moved.py)."""

from ._moved import gone

raise gone(__name__, "mldash_compactor")
