"""What `mldash prepare` makes ready on servers, each kind of it in a file that looks first and then changes.

settings.py    what is wanted
changes.py     what differs, and how that is mended: what --dry-run shows
topics.py      partitions, replicas, configuration; decisions apart from the calls
indexes.py     of MongoDB
bucket.py      versioning and life cycle of S3's bucket
rights.py      which role may do what on Kafka
users.py       who is there, and which of these rights they lack
kafka_requests.py   the requests of Kafka that aiokafka has no call for
"""
