"""docs/generated/adapters.md: what came of the last `make test-adapters`, of tests/adapters/results.json."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "adapters" / "results.json"


def page() -> str:
    """A row a file of tests."""
    found = json.loads(RESULTS.read_text())
    parts = [
        "# Adapters\n\nMade from tests/adapters/results.json by `make docs`; do not edit.\n\n"
        "What `make test-adapters` came to when it was last run whole, with the newest releases of that day: the "
        "adapters, `mldash.trackio` and the SDK's values, each with the framework itself. Keras and Optuna run in "
        "every test run besides.\n",
        f"{found['day']}, Python {found['python']}, {found['machine']}.\n",
        "| tests | with | passed | failed | skipped |\n| --- | --- | ---: | ---: | ---: |",
    ]
    return "\n".join((*parts, *map(_row, found["files"]), ""))


def _row(one: dict[str, Any]) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in one["versions"].items())
    return f"| `{one['file']}` | {versions} | {one['passed']} | {one['failed']} | {one['skipped']} |"
