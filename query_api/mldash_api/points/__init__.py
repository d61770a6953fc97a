"""Points of metrics by index, lists of metrics and their statistics."""
