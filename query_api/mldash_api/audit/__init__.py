"""What was written against what is stored, event by event: is anything missing, double, damaged, or left over?

  findings.py  what can be found, and the report
  ranges.py    sets of seqs as ranges
  parts.py     what one bucket or chunk must keep to by itself
  recount.py   a chain folded again from its parts, held against its snapshot
  chains.py    one stream, cold and hot
  claims.py    what each session says that it wrote, against what is stored of it
  leftovers.py what nobody reads
  audit.py     an experiment, in order

Reads only, and never blocks a write. Workers and compactors may go on meanwhile: what moved is looked at again.
"""
