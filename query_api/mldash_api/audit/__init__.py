"""Written events compared with stored ones, one by one: is anything missing, double, damaged, or left over?

  findings.py  the kinds of findings, and the report
  ranges.py    sets of seqs as ranges
  parts.py     the rules for one bucket or chunk by itself
  recount.py   a chain folded again from its parts, compared with its snapshot
  chains.py    one stream, cold and hot
  claims.py    the events that each session claims, compared with its stored ones
  asking.py    where the workers are on Kafka, and the dead letters
  leftovers.py unread buckets and objects
  audit.py     an experiment, in order

Reads only, and never blocks a write. Workers and compactors may go on meanwhile: what moved is looked at again.
"""
