"""docs/generated/, made from the code: `make docs`. test_generated.py fails where it has drifted.

settings.md  every setting of every component
commands.md  every command's own help
benchmarks.md  what was measured last
adapters.md  what came of the last `make test-adapters`
schemas/     what stands on the topics: JSON Schemas, AsyncAPI (schemas.py)
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from mldash.command_line import COMMANDS, group
from mldash.process.configuration import SECTIONS, section_of, struct_of
from mldash.process.environment import list_settings

from . import adapters, benchmarks, schemas

FOLDER = Path(__file__).parents[2] / "docs" / "generated"
_WIDTH = 100
_NOTE = "Made from the code by `make docs`; do not edit.\n"


def settings() -> str:
    """A table a section."""
    parts = [
        f"# Settings\n\n{_NOTE}\n"
        "A value is the first of: a flag or keyword, the environment variable, the section's table in the TOML file "
        "that `--config` or `MLDASH_CONFIG` names, the default. `mldash config` shows what holds now. A wrong value, "
        "or a name that there is not, is refused by name.\n"
    ]
    for section in SECTIONS:
        struct = struct_of(section)
        parts.append(f"## [{section}]\n\n{_paragraph(struct)}\n")
        parts.append("| setting | variable | default | allowed | |\n| --- | --- | --- | --- | --- |")
        for one in list_settings(struct, section_of(section)):
            default = "required" if one.default is msgspec.NODEFAULT else _code(one.show(one.default))
            cells = [f"`{one.name}`", f"`{one.variable}`", default, one.kind, one.description]
            parts.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        parts.append("")
    return "\n".join(parts)


def commands() -> str:
    """Help of each command, as a terminal of 100 columns shows it."""
    parts = [f"# Commands\n\n{_NOTE}", _help("mldash", group)]
    above = click.Context(group, info_name="mldash", **group.context_settings)
    for name, (module, line) in COMMANDS.items():
        command: click.Command = importlib.import_module(module).command
        parts.append(f"## mldash {name}\n\n{line}\n\n{_help(name, command, above)}")
        if isinstance(command, click.Group):
            within = click.Context(command, info_name=name, parent=above, **command.context_settings)
            parts += [
                f"### mldash {name} {below}\n\n{_help(below, one, within)}" for below, one in command.commands.items()
            ]
    return "\n".join(parts)


FILES: dict[str, Callable[[], str]] = {
    "settings.md": settings,
    "commands.md": commands,
    "benchmarks.md": benchmarks.page,
    "adapters.md": adapters.page,
    **schemas.FILES,
}


def _help(name: str, command: click.Command, parent: click.Context | None = None) -> str:
    wide: dict[str, Any] = {"max_content_width": _WIDTH, "terminal_width": _WIDTH}
    context = click.Context(command, info_name=name, parent=parent, **wide, **command.context_settings)
    lines = (line.rstrip() for line in command.get_help(context).splitlines())
    return "```text\n" + "\n".join(lines) + "\n```\n"


def _paragraph(struct: type[msgspec.Struct]) -> str:
    return " ".join((struct.__doc__ or "").strip().split("\n\n")[0].split())


def _code(text: str) -> str:
    shown = {"True": "true", "False": "false"}.get(text, text)
    return f"`{shown}`" if shown else "not set"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in FILES.items():
        (FOLDER / name).parent.mkdir(exist_ok=True)
        (FOLDER / name).write_text(make())
        print(f"docs/generated/{name}")


if __name__ == "__main__":
    main()
