"""Tools by which programs that reason read runs (docs/agents.md). In reading order:

server.py       the tools as a server of the Model Context Protocol; what every call passes through
http/           the same within the API, for the caller of each request
tools.py        each tool's name, arguments and description
finding.py      find_runs, fields              describing.py   describe_run
compared.py     compare_runs, where_parted     metrics.py      read_metric
lines.py        read_logs                      ranked_lines.py  the same of some ranks
audited.py      audit_run
waiting/        wait_for                       changing.py     note, tag
threads.py      where reads run
backing.py      what an API and local folders answer in ways of their own; folders.py, grids.py: the folders'
pictures/       read_metric as a PNG
points.py       the columns of a view: merged without losing an extreme
budget.py       an answer's parts, and how they become as short as they have to be
texts.py        values as text; what users logged in double quotes
errors.py       what a caller can mend

Nothing here loads a server's client: `mldash mcp` starts with the base install and the extra `agents`.
"""
