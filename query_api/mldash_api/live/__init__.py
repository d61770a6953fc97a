"""The live stream: every stored event of what a listener asks for, once and in stream order (docs/decisions/0030).

One hub a process; it watches experiments and their chains while somebody listens to them. In reading order:

  asked.py        what one listener asks for
  positions.py    the next index of each stream ↔ the id of an event
  kept.py         positions and what pages listen to, in MongoDB, for a time
  pieces.py       events of one stream from one index to another, encoded once for all listeners
  points_json.py  points as JSON, many at once
  chains.py       the watched experiments, their streams, and the pieces that came last
  news.py         `mldash.stored`: when to look
  reading.py      from the store: chains as they are, pieces that are no longer in memory
  scopes.py       experiments below owners and projects
  state.py        status and fields, which are told as they are
  hub.py          who listens to what, what is watched for them, what is freed when they go
  rounds.py       looks for what is new, for all of them at once
  tending.py      what no statement tells: deletions, new experiments, changes, rights
  telling.py      what a listener is told next
  listener.py     one listener: what it is told, in which order, and when it ends
  tables/         rows of a table of runs, told as they change
  pending/        events that Kafka has acknowledged and that are not stored yet
  listened/       which experiments are listened to, told to the processes that write them
  joining.py      how one comes in: by parameters, by an id, by a name that a page can change
  event_stream.py as server-sent events
  live.py         the hub with its steps in the background; the same events as a page
  errors.py       why a listener is not let in
"""
