"""Entries of tracks: by time, in windows of time however many, at given moments; lists of tracks."""
