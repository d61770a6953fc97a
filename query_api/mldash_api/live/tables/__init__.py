"""A table of runs, told row by row: the first page of /v1/experiments with a filter, an order and columns.

asked.py      what a listener asks for, and the question to the index of runs
telling.py    what has changed between two looks, as an event; pure
tables.py     looks at the index for all listeners at once
"""
