"""What Kafka has acknowledged and is not stored yet, for listeners that ask for it (docs/decisions/0030).

waiting.py    the events that are held, by name: what comes, what was stored, what was passed by; pure
parts.py      consecutive events of one session, as they are told
wanted.py     the streams that listeners ask for, or did a moment ago; pure
offsets.py    how far partitions are read and stored; pure
following.py  the partitions, from what `mldash.stored` says on, without a group
telling.py    what one listener is told
"""
