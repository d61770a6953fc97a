"""`mldash snapshot`: runs as a folder that needs no server. In reading order:

gathered.py  what the page holds of runs: facts, parameters, last lines, and the lines of charts
page.py      that as one HTML file: page.css, page.js and the data in it, under a policy that lets nothing else in
points.py    the exact points as Parquet
folder.py    a folder that is there as a whole or not at all

page.js is a classic script of its own, and not made of the dashboard's modules: where lines are broken and what colour
a run has is worked out here, as for notebooks (mldash/pictures), so that little is left to it; and the SDK, which
brings the command, stands on nothing downstream.
"""
