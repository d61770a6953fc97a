"""Cold ranges: which there are, the steps of one chunk, of several at once, and of many into one object."""
