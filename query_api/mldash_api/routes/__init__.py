"""A thin file a resource: parameters in, reading asked, the answer's form out.

parameters.py   what may be asked: parameters that many routes share, their bounds, the refusal of unknown ones
chart_parameters.py  what routes of charts share: a view's parameters, the streams of many experiments
connect.py      what an SDK needs to publish by itself
dependencies.py what most routes ask for: stores, the answer's form, the experiment after its own writes
leaving.py      work that ends with the caller
experiments.py  params.py  metrics.py  grids.py  tracks.py  logs.py  merged_logs.py
compare.py      live/  records.py
written/        the processes that wrote; the audit
changing/       tags, notes, the archive flag; deletions
saved/          views that people save, short ids of long addresses
doors/          who calls: tokens, links, people who sign in
health.py       alive, ready, operator metrics
"""
