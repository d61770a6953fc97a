"""The commands of `mldash`, a file each; command_line.py has the table."""
