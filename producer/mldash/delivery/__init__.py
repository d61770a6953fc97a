"""The journal → Kafka, or plain files. Read in this order:

sink.py       who takes records, in local mode · drain.py  the thread that hands them over
publisher.py  the thread and its loop: connect, publish, and begin again when the producer dies
dead_sessions.py  beside it, what dead sessions of the host left
lane.py       one session's journal on its way: rounds, the acknowledged prefix
window.py     what is in flight: bytes leave with their answer, places in their order · halving.py  a record as two
refusals.py   sizes that brokers refused · refused.py  how refused events are told
kafka.py      the only aiokafka of the SDK: a producer that can be given up at any moment
kafka_topics.py  what Kafka says of its topics (mldash doctor)
signals.py    heartbeats and claims
delivery_line.py  what the user sees of a run's end that takes time
resend.py     what dead sessions left, offline journals, local experiments (mldash sync)
local_files.py  a local experiment's files on their way
"""
