"""`mldash env`"""

from __future__ import annotations

import shlex

import click

from mldash.process.configuration import component_settings, config_option
from mldash.process.environment import to_variables
from mldash_deploy.stack.addresses import variables_that_count
from mldash_deploy.stack.data_folder import DataFolder
from mldash_deploy.stack.errors import NotRunning
from mldash_deploy.stack.settings import StackSettings


@click.command("env")
@click.option("--data", metavar="DIR", help="The stack's folder. [default: .mldash]")
@config_option
def command(data: str | None, config: str | None) -> None:
    """Print the addresses of a running stack as variables for a shell, with the S3 keys, and of a secured one the
    passwords of its operator. What a stack does not use is unset.

    \b
    eval "$(mldash env)"     # then MLDASH_REMOTE and the rest are set
    """
    settings = component_settings(StackSettings, "stack", config=config, flags={"data": data})
    folder = DataFolder(settings.data)
    state = folder.read_state()
    if state is None or state.servers is None or not folder.is_locked():
        raise NotRunning(folder.path)
    variables = {"MLDASH_DATA": str(folder.path)}
    if state.api is not None:
        variables["MLDASH_REMOTE"] = state.api
    if state.api_token_file is not None:
        variables["MLDASH_TOKEN_FILE"] = state.api_token_file
    variables |= to_variables(state.servers, "")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    # What another stack left in this shell would not go together with this one's.
    if unused := [name for name in variables_that_count() if name not in variables]:
        print(f"unset {' '.join(unused)}")
