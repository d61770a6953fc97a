"""`Client`: find runs, read them, compare them; of an API, or of local folders by the same grammar. In reading order:

client.py       what a user holds
asked.py        a question: filter, order, columns; checked before anything is read
found.py        the runs that pass: rows, fetched as they are used
groups.py       groups of runs, and their statistics
tables.py       rows as columns of Arrow, pandas, Polars
api_runs.py     where runs are asked for: an API
folder_runs.py  the same: local folders
open_run.py     one run, for reading
live/           what is new in runs, as events
asynchronous/   the same for asyncio
errors.py       what a Client raises beside what reads do
"""
