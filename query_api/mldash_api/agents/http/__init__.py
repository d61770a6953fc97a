"""The tools over HTTP, within the API.

route.py            /mcp, where the setting asks for it
tools_over_http.py  the tools, each call for the caller of its request
inside.py           how that caller's reads are asked of the API itself
streamed.py         an answer of the API to itself that goes on
"""
