"""What is recorded around the data, without the user's doing.

echo.py             log lines on the terminal
run_context.py      where and of what a run was started: command line, git, versions
logging_handler.py  records of Python's logging → log lines
"""
