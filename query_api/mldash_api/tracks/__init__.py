"""Entries of tracks: by time, at given moments; lists of tracks."""
