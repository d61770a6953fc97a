"""Who listens to what, in all processes of the API, for training processes: they then deliver sooner (decision 41).

named.py     which experiments a listener names, and what of them a training process is told; pure
kept.py      what one process of the API says that its listeners name, in MongoDB, for a time
listened.py  what is said by all of them, and the training processes that wait to hear of it
"""
