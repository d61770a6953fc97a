"""Where 0.1 had mldash_api (_moved.py)."""

raise ImportError("mldash.query_api is mldash_api since mldash 0.2: import from there", name=__name__)
