"""`python -m mldash` is `mldash`."""

from mldash.command_line import main

main()
