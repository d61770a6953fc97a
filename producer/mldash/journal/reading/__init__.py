"""A journal's files as events, from a place on.

scan.py    segments → frames; the torn tail
rounds.py  frames → records of the wire, and how many events there are · runs.py  equal frames → columns
index.py   where each stream's events lie, for reads of a journal that is kept
"""
