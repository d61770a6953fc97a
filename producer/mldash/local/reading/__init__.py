"""Files, and what is not yet drained, as answers.

reader.py          the answers
stream_rows.py     the rows of one stream: of its file, and behind them what is not drained
charted.py         points of a metric for charts, of which what was read once is kept
undrained.py       what journals in the folder hold · undrained_rows.py  of it, rows
"""
