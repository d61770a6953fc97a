"""Batches → MongoDB. chains.py reads like docs/protocol.md 3.

sessions.py   generations, heartbeats, claims, descriptions
appending.py  records → chains, in rounds
chains.py     load, append, check, forget; the worker's bounded knowledge of streams
snapshots.py  when a snapshot is due, and its write
"""
