"""`mldash config`"""

from __future__ import annotations

import json

import click
import msgspec

from mldash.process.configuration import SECTIONS, Configuration, config_option, load, section_of, struct_of
from mldash.process.environment import list_settings


@click.command("config")
@click.argument("sections", nargs=-1, type=click.Choice(list(SECTIONS)), metavar="[SECTION]…")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@config_option
def command(sections: tuple[str, ...], as_json: bool, config: str | None) -> None:
    """List every setting: its variable, its value now and where that comes from, what is allowed, what it means.

    A section is a table of the configuration file: servers, worker, compactor, api, topics, stack, sdk, log.
    A wrong value anywhere is refused by name. Secrets are not shown.
    """
    configuration = load(config)
    rows = {section: _rows(configuration, section) for section in sections or SECTIONS}
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for section, settings in rows.items():
        print(f"[{section}]")
        for row in settings:
            value = "not set" if row["value"] is None else row["value"]
            print(f"  {row['name']} = {value}    ({row['source']})")
            print(f"      {row['variable']}: {row['allowed']}. {row['description']}")
        print()


def _rows(configuration: Configuration, section: str) -> list[dict[str, object]]:
    struct = struct_of(section)
    resolved = configuration.resolve(section)
    rows: list[dict[str, object]] = []
    for setting in list_settings(struct, section_of(section)):
        value = resolved.get(setting.name)
        rows.append(
            {
                "name": setting.name,
                "variable": setting.variable,
                "value": None if value is None else setting.show(value.value),
                "source": "required" if value is None else value.source,
                "default": None if setting.default is msgspec.NODEFAULT else setting.show(setting.default),
                "allowed": setting.kind,
                "description": setting.description,
                "secret": setting.secret,
            }
        )
    return rows
