"""Experiments: what was said of them, their parameters, their sessions and the status that follows; and
whether what a reader itself wrote to one is stored."""
