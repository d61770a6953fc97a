"""Entries of tracks: by time, in windows, at given moments; lists of tracks."""
