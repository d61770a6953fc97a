"""The journal → Kafka, or plain files. Read in this order:

delivery.py   a thread that takes one journal's events, and how to wait for it
sink.py       the receiver of records in local mode · drain.py  the delivery that hands them over
pace.py       when either has its next turn: a budget of background work, pure
publisher.py  the delivery to Kafka, and its loop: connect, publish, and begin again when the producer dies
dead_sessions.py  beside it, events that dead sessions of the host left
lane.py       one session's journal on its way: rounds, the acknowledged prefix
window.py     records in flight: bytes leave with their answer, places in their order
refusals.py   sizes that brokers refused, and how refused events are told
kafka.py      the only aiokafka of the SDK: a producer that can be given up at any moment
kafka_server.py  how Kafka is spoken to: what the user has set, then what the API says
kafka_topics.py  facts of Kafka's topics (mldash doctor)
signals.py    heartbeats and claims
delivery_line.py  the line that a user sees while a run's end takes time
resend.py     the remains of dead sessions, offline journals, local experiments (mldash sync)
local_files.py  a local experiment's files on their way
"""
