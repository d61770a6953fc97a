"""What scripts log that were written for another tracker or a framework → points of metrics.

  lenient.py   any value → plain data; what can't be stored becomes a description
  unkept.py    what is taken and not stored: counted, and said once
  media.py     images, tables, artifacts and the like, which are described
  rows.py      calls with a step → rows: which of them belong together
  in_child.py  what is open belongs to the process that has opened it
  points.py    a row → one point a metric, by the part of the keys before the last slash
  board.py     calls of a TensorBoard writer → points, lines, parameters
  places.py    names of theirs → a prefix
  starting.py  the start of a run in a training that must go on
  earlier.py   what a run that goes on has already

Nothing of it raises for a value, and nothing of it ends a training: what goes wrong is a warning, once a cause.
"""
