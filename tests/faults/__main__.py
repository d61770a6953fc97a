"""`make faults`: runs with the faults of one seed after another, until one fails.

make faults                                a long run of a random seed
make faults ARGS="--seed 7 --seconds 120"  that one again
make faults ARGS="--seeds 20 --seconds 120 --proxy"
make faults ARGS="--transport http"        emitters send to the API, which is killed too
make faults ARGS="--secure"                on a secured stack, where everybody signs in over TLS
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from time import monotonic

import msgspec

from .run import Report, Run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults", description="Kill everything, and see that nothing is lost.")
    parser.add_argument("--seed", type=int, help="the first seed; a random one if it is not given")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, one after another (1)")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long faults happen (600)")
    parser.add_argument("--proxy", action="store_true", help="cut and delay connections instead of killing processes")
    parser.add_argument("--transport", choices=("kafka", "http"), default="kafka", help="how emitters send (kafka)")
    parser.add_argument("--secure", action="store_true", help="on a secured stack: TLS, and each with its own rights")
    parser.add_argument("--rate", type=float, default=1.0, help="how fast emitters write (1)")
    parser.add_argument("--keep", type=Path, help="a folder for the run's own, kept where a run fails")
    given = parser.parse_args()
    first = random.randrange(1_000_000) if given.seed is None else given.seed
    passed = 0
    for seed in range(first, first + given.seeds):
        if not _one(seed, given):
            print(
                f'\n{passed} seeds passed; again: make faults ARGS="--seed {seed} --seconds {given.seconds:g}'
                f"{' --proxy' if given.proxy else ''}{' --transport http' if given.transport == 'http' else ''}"
                f'{" --secure" if given.secure else ""}"',
                file=sys.stderr,
            )
            return 1
        passed += 1
    print(f"{passed} of {given.seeds} seeds passed")
    return 0


def _one(seed: int, given: argparse.Namespace) -> bool:
    parent = given.keep or Path(tempfile.gettempdir())
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"mldash-faults-{seed}-", dir=parent))
    began = monotonic()
    run = Run(
        folder / "run",
        seed,
        given.seconds,
        proxied=given.proxy,
        over_http=given.transport == "http",
        secured=given.secure,
        rate=given.rate,
        tell=_tell,
    )
    try:
        report = asyncio.run(run.run())
    except Exception as error:
        traceback.print_exception(error)
        print(
            f"seed {seed} FAILED after {monotonic() - began:.0f} s: {error}\nits logs are in {folder}", file=sys.stderr
        )
        return False
    _print(report, monotonic() - began)
    if report.missed:
        print(
            f"seed {seed} proves nothing: it did not hit {', '.join(report.missed)}; logs in {folder}", file=sys.stderr
        )
        return False
    shutil.rmtree(folder)
    return True


def _tell(line: str) -> None:
    print(line, flush=True)


def _print(report: Report, took_s: float) -> None:
    for name, value in msgspec.to_builtins(report).items():
        print(f"  {name:20} {value}")
    print(f"seed {report.seed} passed in {took_s:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
