"""Threads of ours, and when there can be none: from Python 3.12 on no thread begins once the interpreter is leaving."""

import threading


def begin(thread: threading.Thread) -> bool:
    """Start it; False where no thread can begin (in functions of `atexit`, or where the process is at its limit)."""
    try:
        thread.start()
    except RuntimeError:
        if thread.ident is not None:  # it was started before: a fault of ours
            raise
        return False
    return True
