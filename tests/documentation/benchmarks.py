"""docs/generated/benchmarks.md: the tables of benchmarks/results/*.json."""

import json
from pathlib import Path
from typing import Any

ABOUT = {
    "agents": "Measured while other programs kept both cores busy, beside the stack, its load and the hundred who ask. "
    "Of the condition, in turn with the build before calls shared their requests: p50 640 ms, p99 1,885 ms.",
    "cost": "CPU of the whole process that logs, over the same paced loop without logging. Where a case says so, bare "
    "is the build before, run in turn. Measured while other programs kept both cores busy, which makes "
    "every wake dearer: look at the ratios. wandb, tensorboardX and trackio could not keep up with 10,000 points/s.",
    "dashboard": "Measured while dozens of other programs shared the two cores, which multiplies every figure.",
    "find_trackers": "One question of 10,000 runs with 50 parameters and 20 metrics each: 1,000 pass, sorted by "
    "another field, the first 50 are shown. ML-Dash over HTTP from real servers, the others inside their own process. "
    "A tracker that held fewer runs when its time to load was over is asked for a tenth of these.",
    "live": "Listeners come and go for 16 minutes in place of an hour, at an API whose caches hold 4 MB each, "
    "while other programs kept both cores busy: so short a time says little of an hour. With caches as large as they "
    "usually are (448 MB together) memory grew by 253 MB/hour in the first 27 minutes.",
    "read_trackers": "Bare is what ML-Dash's SDK takes for the same read, over HTTP from real servers; the ratio is "
    "how many times as long the other takes inside its own process. One that can't do a read alone is asked for what "
    "holds the answer: aim reads all of a metric; its chart is a thousand points that it drew at random while they "
    "were logged. Of wandb and swanlab no reads have been measured yet; neptune reads points from its service alone.",
}
"""What a table needs to be understood, beside the head of its file."""

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def page() -> str:
    """A table a benchmark, with the machine that it ran on."""
    parts = [
        "# Benchmarks\n\nMade from benchmarks/results/ by `make docs`; do not edit.\n\n"
        "Each case ran in a process of its own. The bare limit was taken in the same run: what the machine, the server "
        "or the library does with the same bytes and none of our code. The ratio rules, not the figure: machines "
        "differ, and so does what else they have to do. Run them again with `make bench-sdk`, `make bench-cost`, "
        "`make bench-ingest`, "
        "`make bench-end-to-end`, `make bench-compaction`, `make bench-read`, `make bench-read-trackers`, "
        "`make bench-agents`, `make bench-live`, `make bench-find`, `make bench-find-grid`, "
        "`make bench-find-trackers`, `make bench-import`, `make bench-dashboard` and `make bench-size`; the head "
        "of each file in benchmarks/ says what its cases are.\n"
    ]
    for path in sorted(RESULTS.glob("*.json")):
        found = json.loads(path.read_text())
        machine = found["machine"]
        parts.append(f"## {path.stem}\n\n{machine['cpus']} cores, {machine['machine']}, Python {machine['python']}\n")
        if path.stem in ABOUT:
            parts.append(f"{ABOUT[path.stem]}\n")
        parts.append("| case | measured | | bare | ratio | goal | |\n| --- | ---: | --- | ---: | ---: | ---: | --- |")
        parts += [_row(case) for case in found["cases"]]
        parts.append("")
    return "\n".join(parts)


def _row(case: dict[str, Any]) -> str:
    holds = {True: "holds", False: "**missed**", None: ""}[case.get("holds")]
    numbers = [_number(case.get(name)) for name in ("value", "bare", "ratio", "goal")]
    cells = [case["name"].replace("|", "\\|"), numbers[0], case["unit"], *numbers[1:], holds]
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"
