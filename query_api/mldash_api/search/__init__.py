"""The runs that a filter asks for, from an index in this process's memory (docs/decisions/0029). In reading order:

vocabulary.py   texts and lists of a column, each once
columns.py      a field's values, a cell a run
table.py        all runs: rows, columns, and which cells belong to which part of a run
documents.py    MongoDB's documents → a run as plain values
loading.py      reads of these documents, for many experiments at once
following.py    the first read of everything, and then every change
index.py        the table, how far it is, and the threads that work on it
matching.py     filter → rows; the same as mldash/query/evaluating.py
visible.py      the rows that a caller may read
ordering.py     rows in the order of a field, page after page
grouping.py     groups of rows, and what is said of a group
naming.py       names of fields, for completion
answers.py      what is asked of a search and what it answers, here and of local folders
asking.py       what a request asks for, and the work on it in a thread
"""
