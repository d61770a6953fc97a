"""`python -m mldash` is `mldash`."""

from .command_line import main

main()
