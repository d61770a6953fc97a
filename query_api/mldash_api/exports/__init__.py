"""Streams as files of any length, in constant memory. In reading order:

formats.py    which one a request asks for
downloads.py  a file as a route sends it: range, schema, bytes
ranges.py     points in pieces; entries come in windows of time (tracks/windows.py)
schemas.py    what a table's columns will be, before its first row
tables.py     rows as Arrow batches of such a schema
points.py     what each format makes of points; entries.py of entries
writing.py    sent while it is written
"""
