"""What is recorded around the data, without the user's doing.

echo.py             log lines on the terminal
run_context.py      where and of what a run was started: command line, git, versions
captures.py         what goes on while a run is open, as the settings say:
stdout.py             what is printed → log lines
system_metrics.py     cpu, memory, disk, network and GPUs of the host → a metric
logging_handler.py  records of Python's logging → log lines
"""
