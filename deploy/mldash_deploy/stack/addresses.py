"""The addresses that a running stack gives to components started with `--data`."""

from __future__ import annotations

from pathlib import Path

from mldash.connections.servers import Servers
from mldash.process.environment import OF_FILE, list_settings

from .data_folder import DataFolder
from .errors import NotRunning


def variables_of(data: str) -> dict[str, object]:
    """Of the stack in a data folder: variables and their values. Raises NotRunning."""
    folder = DataFolder(data)
    state = folder.read_state()
    if state is None or state.servers is None or not folder.is_locked():
        raise NotRunning(folder.path)
    known: dict[str, object] = {
        setting.variable: getattr(state.servers, setting.name) for setting in list_settings(type(state.servers), "")
    }
    if state.api is not None:
        known["MLDASH_REMOTE"] = state.api
    if state.api_token_file is not None:
        known["MLDASH_TOKEN"] = Path(state.api_token_file).read_text(encoding="ascii").strip()
    return known


def variables_that_count() -> list[str]:
    """Every variable that settings of servers are read from, those that name a secret's file too."""
    settings = list_settings(Servers, "")
    return [one.variable + end for one in settings for end in ("", OF_FILE) if one.secret or not end]
