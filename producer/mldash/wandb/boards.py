"""`sync_tensorboard=True` and `wandb.tensorboard.patch()`: what SummaryWriters log goes to the run too.

The class is patched, not the name, for scripts import it before `init` or after it: PyTorch's and tensorboardX's. Their
event files are written as before. Both packages are imported for it, as far as they are installed: PyTorch takes
seconds, and a script that asks for this is about to import it.
"""

import functools
import threading
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from typing import Any

from mldash.callbacks import warn
from mldash.incoming.board import Board

from . import current

_patched: set[type] = set()
_calls = threading.local()


def watch_boards() -> None:
    """Patch the writers that this interpreter has. Once a class."""
    found = False
    for module in ("torch.utils.tensorboard", "tensorboardX"):
        try:
            if find_spec(module.partition(".")[0]) is None:
                continue
            writer = import_module(module).SummaryWriter
        except ImportError:  # PyTorch without the package tensorboard: a script can't import its writer either
            continue
        except Exception as error:  # whatever a package that is broken raises: that is for the script's own import
            warn(f"sync_tensorboard: {module} can't be imported: {type(error).__name__}: {error}")
            continue
        found = True
        if writer not in _patched:
            _patched.add(writer)
            for name, send in _CALLS.items():
                setattr(writer, name, _sending(getattr(writer, name), send))
    if not found:
        warn("sync_tensorboard: no SummaryWriter is there, neither PyTorch's nor tensorboardX's")


def _sending(method: Callable[..., Any], send: Callable[[Board, dict[str, Any]], None]) -> Callable[..., Any]:
    parameters = signature(method)

    @functools.wraps(method)
    def call(*args: Any, **named: Any) -> Any:
        # PyTorch's add_hparams calls add_scalar of a writer of its own: only what the script called is sent.
        is_inner, _calls.is_inner = getattr(_calls, "is_inner", False), True
        try:
            result = method(*args, **named)
        finally:
            _calls.is_inner = is_inner
        run = current.open_run
        if run is not None and not is_inner:
            run.guarded("a call of a SummaryWriter", lambda: send(run.board, parameters.bind(*args, **named).arguments))
        return result

    return call


def _send_scalar(board: Board, given: dict[str, Any]) -> None:
    board.scalars({given["tag"]: given["scalar_value"]}, given.get("global_step"))


def _send_scalars(board: Board, given: dict[str, Any]) -> None:
    values = {f"{given['main_tag']}/{tag}": value for tag, value in given["tag_scalar_dict"].items()}
    board.scalars(values, given.get("global_step"))


def _send_text(board: Board, given: dict[str, Any]) -> None:
    board.text(given["tag"], given["text_string"], given.get("global_step"))


def _send_hyperparameters(board: Board, given: dict[str, Any]) -> None:
    board.hyperparameters(given["hparam_dict"], given.get("metric_dict"), given.get("global_step"))


_CALLS = {
    "add_scalar": _send_scalar,
    "add_scalars": _send_scalars,
    "add_text": _send_text,
    "add_hparams": _send_hyperparameters,
}
