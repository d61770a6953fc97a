"""The wire: what a training process publishes, what its events mean, and what workers say of them on topics.

This folder is the face of `producer` for everything downstream. In reading order:

  schema.py            a record and its blocks; the events of a run
  column_types.py      the types of packed columns, and what is known of each
  encoding.py          record ↔ bytes and headers (MessagePack, or JSON)
  messagepack.py       what is written and read of MessagePack by hand
  identity.py          prefix → experiment id → stream id and key
  topics.py            kind → topic, key → partition
  reading.py           a message → its record → its events
  seen.py              seqs of a session in a stream: ranges with holes
  stored.py            "stored up to here", as workers say it on the topic of that name
  letter.py            a record that was set aside, on the topic of dead letters
  limits.py            how large a name, a call and a record may be
  merging.py           params by key, track entries by time
  field_statistics.py  count, sum, minimum, maximum and last value of a field
  levels.py            of log lines
  printable.py         logged text on a terminal
  run_status.py        the status of an experiment, from those of its sessions
"""
