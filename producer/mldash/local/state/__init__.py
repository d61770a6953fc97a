"""The files of an experiment's `.state/`, and the locks among processes that write its other files.

acknowledged.py   the file lengths and seqs that count
lock.py           one process appends at a time · fence.py  one that lost its lease stays away
sources.py        the events behind the rows of a file · sent.py  how far they were sent
spans.py          what a process knows of files that it followed · point_columns.py  numbers of a metric, packed
adoption.py       files that came without their state
"""
