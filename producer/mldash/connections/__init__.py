"""Where servers are, and how topics are read by whoever changes nothing there.

servers.py        addresses, and the topics' names
topic_reading.py  topics from one place to another, without a consumer group
topic_ids.py      which topic of a name it is
group_offsets.py  how far the workers have come
following.py      topics as they grow, for `mldash tail`
errors.py         what can go wrong

Kafka's client is loaded by the modules that read, not with this package.
"""
