"""wait_for. In reading order:

waiting.py      a condition, further points, or the end of runs: each is a look at how it stands
hearing.py      the live stream of what is waited for: it says when a look is worth it
exact.py        a condition on statistics, judged by them as they are
statistics.py   those statistics, carried forward by the points that are told
told_points.py  of further points those that the stream has told
watching.py     looks, whenever something was heard and now and then, until one finds something
"""
