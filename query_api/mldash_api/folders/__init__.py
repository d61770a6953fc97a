"""`mldash view`: the dashboard over plain files, without any server of the stack. In reading order:

server.py     the process: its port, its end
app.py        the routes, which are the API's as far as the page asks them
access.py     who may: the token, the cookie it becomes
pages.py      the page itself
finding.py    GET /v1/experiments, /v1/fields, /v1/explain · searching.py, groups.py  what they find
reading.py    GET of one run · tracks.py  of its tracks · charts.py  of many, and of metrics
grids.py      many runs on one grid · parting.py  where two go ways of their own
live.py       GET and PUT /v1/live
asking.py     what routes share

The answers are the readers' of local files (mldash/local/reading/), found by mldash/client/kept_runs.py. Nothing here
loads a store's client: litestar, uvicorn and NumPy do, the extra `view`.
"""
