"""A place to run it: the local stack of real servers, and the preparation of topics, indexes and bucket."""
