"""Local mode: the same journal, drained into plain files that anything can read.

    {root}/{prefix}/
      experiment.json               name, project, owner, prefix, description, readme, tags, metadata, status, times
      parameters.json               version, data (flat keys), createdAt, updatedAt
      metrics/{name}/data.jsonl     a point a line: index, data, createdAt           beside it metadata.json
      tracks/{topic}/data.jsonl     an entry a line: timestamp and fields            beside it metadata.json
      logs/logs.jsonl               a line a line: sequenceNumber, timestamp, level, message, metadata
      .state/                       what is acknowledged, what was sent, and the histories behind the JSON files
      .journal/                     what is not yet drained (mldash/journal)

Row files (*.jsonl) are the truth and only ever grow; JSON files follow from them and are replaced whole. What is
appended counts from the moment when .state/acknowledged says so: what lies beyond a file's acknowledged length is read
by nobody and cut before the next append. In reading order:

  folder.py        the layout, and names as folders
  state/           what is acknowledged, whose rows they are, how far they were sent; one process appends at a time
  row_file.py      a file that grows by lines · row_index.py  of its blocks · row_reader.py
  json_file.py     a file that is replaced whole
  blocks.py        blocks of the wire → rows
  points.py  entries.py  lines.py  params.py  runs.py     a kind of event each ↔ its files
  sink.py          frames of the journal → files · appends.py  of one delivery
  reading/         files → answers
  records.py       files → records of the wire again, for `mldash sync`
"""
