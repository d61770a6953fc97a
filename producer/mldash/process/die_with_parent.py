"""Run a command that the kernel ends when the supervisor dies, however it dies.

    python -I -S die_with_parent.py SUPERVISOR_PID COMMAND…

A supervisor killed by SIGKILL can stop nothing, so each child asks the kernel for a SIGTERM at its parent's death
(prctl _PR_SET_PDEATHSIG, which survives the exec below). A program of its own and no preexec_fn: Python code between
fork and exec may deadlock in a process with threads. On systems without prctl the next `mldash up` finds the leftovers.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask, look whether the parent is still there, and become the command."""
    supervisor, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != supervisor:  # it died before we asked
            sys.exit(0)
    try:
        os.execv(command[0], command)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main()
