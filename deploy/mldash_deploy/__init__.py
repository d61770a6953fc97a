"""A place to run it: the local stack of real servers, and what makes topics, indexes and bucket."""
