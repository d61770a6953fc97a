"""Where 0.1 had mldash_deploy (_moved.py)."""

from ._moved import Moved, keep_public

keep_public("mldash.deploy", "mldash_deploy", {"prepare": "prepare"})
__path__ = Moved("mldash.deploy", "mldash_deploy")
