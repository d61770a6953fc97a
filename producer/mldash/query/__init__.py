"""Filters of runs: one grammar for the API, the command line and programs (docs/query.md). In reading order:

  filter-1.lark   the grammar, version 1
  names.py        what may be asked, and of which kind it is
  syntax.py       a filter as Structs
  limits.py       how long, deep and wide a filter may be
  errors.py       what is wrong with one, and where
  reading.py      text → what a builder makes of it: the only module that imports lark, when it is first used
  parsing.py      text → Structs
  printing.py     Structs → text
  evaluating.py   whether a run passes, in plain Python: what a filter means
  ordering.py     runs in the order of a field, in plain Python: what `sort` means
  explaining.py   what a filter reads, in words and as data
  expressions/    a grammar of its own: what is computed of the fields of a metric

Pure: nothing here knows where runs are stored.
"""
