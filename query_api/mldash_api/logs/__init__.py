"""Log lines: of one experiment by index, time, level and text; of many merged by time."""
