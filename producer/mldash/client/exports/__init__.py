"""What runs logged, as files: of an API or of local folders, in memory that does not grow with them. In reading order:

asked.py        what of which streams, in which format
streams.py      which streams a run has
pieces.py       one stream as the bytes of its file, piece by piece
over_api.py     as the API sends them
over_folder.py  rows of a local folder, page after page, once for a table's columns and once for its rows
rows.py         rows of logs and parameters, wherever they are
layouts.py      what stands in the columns of a table
forms.py        rows as CSV, JSON lines, MessagePack, mocap and MCAP; tables.py as Arrow and Parquet
naming.py       how files are called; files.py how one is written, whole or not at all; writing.py all of an export
"""
