"""Where 0.1 had mldash_ingest (_moved.py)."""

raise ImportError("mldash.ingest_workers is mldash_ingest since mldash 0.2: import from there", name=__name__)
