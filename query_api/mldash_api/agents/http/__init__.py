"""The tools over HTTP, within the API.

route.py            /mcp, where the setting asks for it
tools_over_http.py  the tools, each call for the caller of its request
inside.py           how that caller's reads are asked of the API itself
shared_reads.py     what several of them ask at once is read once
streamed.py         an answer of the API to itself that goes on
"""
