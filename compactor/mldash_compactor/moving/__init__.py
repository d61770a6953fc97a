"""Cold ranges: the search for them, the steps of one chunk, of several at once, and of many into one object."""
