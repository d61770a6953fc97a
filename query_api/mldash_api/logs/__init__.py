"""Log lines by index, time, level and text."""
