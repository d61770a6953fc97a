"""Where servers are and how one is let in there, and how topics are read by whoever changes nothing there.

api_address.py     the address of an API, and of its pages
servers.py         addresses, security, and the topics' names
kafka_security.py  the same as keywords of Kafka's clients · kafka_tokens.py  tokens, renewed before they end
kafka_access.py    why Kafka does not let a program in
topic_reading.py   topics from one place to another, without a consumer group
topic_ids.py       which topic of a name it is
group_offsets.py   how far the workers have come
following.py       topics as they grow, for `mldash tail`
ended_clients.py   clients of Kafka that have ended inside
errors.py          what can go wrong

Kafka's client is loaded by the modules that read, not with this package.
"""
