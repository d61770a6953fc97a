"""A thin file a resource: parameters in, reading asked, the answer's form out.

parameters.py   what may be asked: parameters that many routes share, their bounds, the refusal of unknown ones
connect.py      what an SDK needs to publish by itself
dependencies.py what most routes ask for: stores, the answer's form, the experiment after its own writes
experiments.py  params.py  metrics.py  tracks.py  logs.py  sessions.py
health.py       alive, ready, operator metrics
"""
