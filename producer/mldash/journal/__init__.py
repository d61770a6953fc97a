"""log() → disk. Read in this order:

frame.py           one frame's bytes
segment.py         a mapped file of frames · plain_segment.py  the same by plain writes
session_folder.py  a session's files and its lock
ownership.py       the same without locks: heartbeats, and where a session that was taken ends
lease.py           a file that one process holds at a time
held.py            events that Kafka refuses, set aside
checkpoint.py      the end of the acknowledged events, and the start of the counting of seqs
writers.py         the hot path: frames into segments · layout.py  packed rows
append.py          all but the common case: roll, refused writes
                   room.py  the size limit and its policy · new_segments.py
reading/           segments → frames → records, from a place on
sessions.py        the sessions of a folder: which live, and the dead, locked
placement.py       which disk · forcing.py  fsync where nothing is delivered

A session's folder holds

    session.json       who wrote this: prefix, session id, versions, and the partition counts once they are known
    lock               held (flock) by the process that writes here; on a network file system heartbeat and lease
    checkpoint         the end of the acknowledged prefix
    held               events that Kafka refuses for their size
    base               the first segment that is still needed, and each stream's seq at its beginning
    0000000000.seg …   frames

Seqs are not written but counted: a stream's events stand in the journal in the order of their seqs, from 0.
"""
