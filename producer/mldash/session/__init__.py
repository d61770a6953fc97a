"""This process's emission into an experiment, from its first event to the process's end.

session.py      its id, its rank, its journal · disabled.py  mode="disabled"
deliveries.py   the threads that take the events from there · readers.py  the answers to reads
registry.py     the sessions of this process
launchers.py    rank and world, from what started the process · jobs.py  its job, and `{job}` in a prefix
succession.py   which dead sessions of the host a new one follows
lag.py          how far delivery is behind
process_end.py  interpreter exit, SIGTERM, forked children · exit_codes.py  its exit code
carried.py      an experiment in a pickle
"""
