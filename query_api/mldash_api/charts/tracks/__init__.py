"""Tracks on pixel columns of time.

cells.py    what is drawn of entries, and the rule of a path
numbers.py  entries as arrays
asking.py   what is asked
grids.py    a track of the store
"""
