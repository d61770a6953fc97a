"""Where 0.1 had mldash_deploy (_moved.py)."""

from ._moved import keep_public

__path__ = keep_public(__name__, "mldash_deploy", {"prepare": "prepare"})
