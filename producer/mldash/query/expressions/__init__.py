"""Expressions over the fields of one metric: `log10(loss)`, `train - eval`, `d(loss)/dx` (docs/query.md). In reading
order:

  expression-1.lark   the grammar, version 1
  syntax.py           an expression as Structs, and how long and wide one may be
  evaluating.py       its value at each point: what an expression means
  parsing.py          text → an expression
  monotone.py         which expressions follow from least and greatest of a field

Pure, over NumPy. The API's grids and programs take the same code, so that their numbers agree.
"""
