"""`mldash import`: runs that other trackers have left on the disk become experiments of ours, each event once.

  finding.py      SOURCE → what lies there, by content: runs, each of one or more parts
  tensorboard/    a reader a tracker: files → runs, and a part's file → events in its own order
  wandb/ mlflow/
  trackio/ dvclive/ swanlab/
  comet/ clearml/
  sqlite.py       databases of others, read without a trace
  archives.py     zip archives, whose members count once their checksums fit
  yaml.py         YAML as libraries write it
  events.py       what readers give, and what they say of what they leave out
  values.py       what readers share of the mapping: whole numbers by name, secrets, e-mails, odd values
  rows.py         a row of several keys → points
  told.py         a part that says one thing: parameters, or what a run is
  renamed.py      a run that has another name by now → its first experiment
  writing.py      a part's events → records of one session → the files of a local experiment
  taking.py       a run → a local folder, or by way of one to Kafka
  parallel.py     several runs at once, each in a process of its own

The identity of an event is all that keeps a second import from doubling: a part is a session whose id follows from the
target, the tracker, the run and the part, and an event's seq is its place in the part. So a reader gives the same
events in the same order each time, and of a part that has grown the same ones before the new. Nothing of a source is
ever written, and no tracker is imported.
"""
