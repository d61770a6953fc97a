"""Where 0.1 had mldash_compactor (_moved.py)."""

raise ImportError("mldash.compactor is mldash_compactor since mldash 0.2: import from there", name=__name__)
