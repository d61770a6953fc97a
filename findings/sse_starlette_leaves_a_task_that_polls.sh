#!/bin/sh
# The first answer that sse-starlette streams begins a task that looks twice a second for ever, and its import replaces
# uvicorn's handler of signals.
#
# The task is there to end streams when uvicorn is told to stop. It learns of that by a method of uvicorn.Server that the
# import replaces, or by asking which object handles SIGTERM. Where a process handles signals by itself, as a program
# does that runs uvicorn as a part of it, neither is ever told: the task outlives the server, and asyncio.run cancels it,
# while a test that asks for leftover tasks fails. mcp's servers over HTTP stream by this library. So whoever embeds one
# cancels the task named `_shutdown_watcher`.
#
# Versions: sse-starlette 3.7.0, starlette 1.10.0, uvicorn 0.54.0, httpx 0.28.1.
# Output seen:
#
#     uvicorn's handler after the import: AppStatus.handle_exit
#     tasks after the server has ended: _shutdown_watcher
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check sse-starlette==3.7.0 starlette==1.10.0 uvicorn==0.54.0 httpx==0.28.1

cat > finding.py <<'END'
import asyncio
import contextlib
import socket

import httpx
import uvicorn
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route


async def two_events(request):
    async def events():
        for number in (1, 2):
            yield {"data": number}

    return EventSourceResponse(events())


class Server(uvicorn.Server):
    """A part of a program: signals are the program's."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


async def look():
    listener = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[Route("/", two_events)])
    server = Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        assert answer.text.count("data:") == 2
    server.should_exit = True
    await serving
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        await asyncio.wait(left, timeout=5)
    print("uvicorn's handler after the import:", uvicorn.Server.handle_exit.__qualname__)
    print("tasks after the server has ended:", *(task.get_coro().__name__ for task in left if not task.done()))


asyncio.run(look())
END
cat > expected <<'END'
uvicorn's handler after the import: AppStatus.handle_exit
tasks after the server has ended: _shutdown_watcher
END
venv/bin/python finding.py > seen
diff expected seen && echo "as stated"
