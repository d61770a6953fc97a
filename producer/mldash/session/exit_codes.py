"""The exit code of the process, which the interpreter tells to neither `atexit` nor `sys.excepthook`.

`sys.exit`, `exit` and `quit` go on raising SystemExit. In the main thread it is one of ours, which knows who asks for
its code: Python code that has caught it, or, with no frame of Python's below, the interpreter that ends the process. So
an exit that was caught does not end the run. What `raise SystemExit(n)` says outside of a `with` block stays unknown.
"""

from __future__ import annotations

import builtins
import functools
import sys
import threading
from collections.abc import Callable
from typing import Any

_left_with: SystemExit | None = None


def left_with() -> SystemExit | None:
    """The exit that ended the main thread, where that was a call of sys.exit, exit or quit."""
    return _left_with


def is_success(code: object) -> bool:
    """Whether the interpreter makes status 0 of SystemExit's code; text and other objects are printed: 1."""
    return code is None or (isinstance(code, int) and code == 0)


def watch_exits() -> None:
    """Once a process."""
    if isinstance(sys.exit, functools.partial):
        return
    vars(sys)["exit"] = functools.partial(_leave, sys.exit)
    quitter = type(getattr(builtins, "exit", None))
    if quitter.__module__ == "_sitebuiltins":  # it is not there under `python -S`, and IPython has its own
        before = quitter.__call__

        def leave(self: object, code: object = None) -> object:
            return _leave(before, self, code)

        quitter.__call__ = leave  # type: ignore[method-assign]


_code_of: Any = vars(SystemExit)["code"]


class _Exit(SystemExit):
    """It looks like SystemExit and is caught as one."""

    @property
    def code(self) -> Any:
        global _left_with
        if _is_asked_by_the_interpreter():
            _left_with = self
        return _code_of.__get__(self)

    @code.setter
    def code(self, code: Any) -> None:
        _code_of.__set__(self, code)

    def __reduce__(self) -> tuple[type[SystemExit], tuple[Any, ...]]:
        return SystemExit, self.args


_Exit.__name__ = _Exit.__qualname__ = "SystemExit"
_Exit.__module__ = "builtins"


def _leave(before: Callable[..., object], *arguments: object) -> object:
    try:
        return before(*arguments)
    except SystemExit as error:
        # In other threads it ends the thread, and the interpreter compares the very type.
        if type(error) is not SystemExit or threading.current_thread() is not threading.main_thread():
            raise
        ours = _Exit(*error.args)
    raise ours


def _is_asked_by_the_interpreter() -> bool:
    if threading.current_thread() is not threading.main_thread():
        return False
    try:
        sys._getframe(2)  # 0 is this function, 1 is `code`
    except ValueError:
        return True
    return False
