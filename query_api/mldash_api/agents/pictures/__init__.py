"""read_metric as a picture, from the same columns as its text. In reading order:

scales.py   numbers → places on an axis, and the ticks between
drawing.py  the columns of some series → a PNG of at most 60 KB
"""
