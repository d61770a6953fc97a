"""Records around the data, made without the user's doing.

echo.py             log lines on the terminal
run_context.py      where and of what a run was started: command line, git, versions
captures.py         the captures of an open run, as the settings say:
stdout.py             printed text → log lines
system_metrics.py     cpu, memory, disk, network and GPUs of the host → a metric
logging_handler.py  records of Python's logging → log lines
"""
