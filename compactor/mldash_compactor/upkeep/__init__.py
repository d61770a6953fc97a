"""Deletions: removed experiments, expired events, orphans, and the remains of a kill."""
