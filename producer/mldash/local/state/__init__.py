"""What stands in an experiment's `.state/`, and what keeps processes apart that write its files.

acknowledged.py   file lengths and seqs: what counts
lock.py           one process appends at a time · fence.py  one that lost its lease stays away
sources.py        whose events the rows of a file are · sent.py  how far they were sent
spans.py          what a process knows of files that it followed · point_columns.py  numbers of a metric, packed
adoption.py       files that came without their state
"""
