"""Experiments: what was said of them, their parameters, their sessions and the status that follows."""
