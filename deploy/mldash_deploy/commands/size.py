"""`mldash size`"""

from __future__ import annotations

import json

import click
import msgspec

_UNITS = ("", " k", " M", " G", " T", " P")


@click.command("size")
@click.option("--processes", type=click.IntRange(min=1), required=True, help="Training processes that log at once.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), required=True, help="Points a second of each.")
@click.option("--metrics", type=click.IntRange(min=1), default=1, show_default=True, help="Metrics that each writes.")
@click.option("--fields", type=click.IntRange(min=1), default=4, show_default=True, help="Numbers in a point.")
@click.option("--experiments", type=click.IntRange(min=1), help="That they write. [default: one each]")
@click.option("--retention-days", type=click.FloatRange(min=0, min_open=True), default=7.0, show_default=True)
@click.option("--replication", type=click.IntRange(min=1), default=3, show_default=True, help="Copies in Kafka.")
@click.option("--kept-days", type=click.FloatRange(min=0, min_open=True), default=365.0, show_default=True)
@click.option("--set", "assignments", multiple=True, metavar="NAME=VALUE", help="Another value of a constant.")
@click.option("--constants", is_flag=True, help="List what it is computed with, and where each number is from.")
@click.option("--json", "as_json", is_flag=True, help="For programs: {load, sizes, constants}.")
def command(
    processes: int,
    rate: float,
    metrics: int,
    fields: int,
    experiments: int | None,
    retention_days: float,
    replication: int,
    kept_days: float,
    assignments: tuple[str, ...],
    constants: bool,
    as_json: bool,
) -> None:
    """Compute what servers a workload of metrics needs: Kafka, workers, MongoDB, S3, and what S3 costs.

    It asks no server. Figures are upper bounds for a load that goes on all day; docs/operations.md says how far they
    agree with what was measured.
    """
    from mldash_deploy.sizing.constants import CONSTANTS
    from mldash_deploy.sizing.sizing import Workload, size

    workload = Workload(
        processes=processes,
        rate=rate,
        experiments=experiments or processes,
        metrics=metrics,
        fields=fields,
        retention_days=retention_days,
        replication=replication,
        kept_days=kept_days,
    )
    changed = dict(_assignment(one) for one in assignments)
    lines = size(workload, changed)
    used = [msgspec.structs.replace(one, value=changed.get(one.name, one.value)) for one in CONSTANTS]
    if as_json:
        found = {"load": workload, "sizes": lines, "constants": used}
        print(json.dumps(msgspec.to_builtins(found), indent=2))
        return
    for line in lines:
        print(f"{line.part:10}{_short(line.value):>10} {line.unit:13}{line.what}")
    for one in used if constants else ():
        print(f"  {one.name:20}{one.value:>12,g} {one.unit:13}{'given' if one.name in changed else one.source}")


def _assignment(text: str) -> tuple[str, float]:
    from mldash_deploy.sizing.constants import NAMES

    name, _, value = text.partition("=")
    if name not in NAMES:
        raise click.BadParameter(f"there is no constant {name!r}; there are {', '.join(NAMES)}", param_hint="--set")
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise click.BadParameter(f"{name} is {value!r}, allowed is a number above 0", param_hint="--set")
    return name, number


def _short(value: float) -> str:
    """Three digits and the unit's prefix: 1.43 T."""
    power = 0
    while value >= 1_000 and power < len(_UNITS) - 1:
        value, power = value / 1_000, power + 1
    digits = 0 if value >= 100 or value == round(value) else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}{_UNITS[power]}"
