#!/bin/sh
# An asyncio loop that has handled a signal leaves the process without a wakeup descriptor, whoever had set one before.
#
# `signal.set_wakeup_fd` is the one way to hear of a signal while the main thread is in C code, and there is one such
# descriptor a process. asyncio takes it with the first `loop.add_signal_handler`, forgets what was there, and sets it
# to -1 with the last handler, or when the loop closes. A loop without handlers leaves it alone. uvloop takes it each
# time that it runs, handlers or not, and gives it back; so does trio, which warns that somebody "collided" with it.
# So who watches signals by it feeds on what was there before, and sets it again from time to time.
#
# Versions: CPython 3.11.7 and 3.13.0, uvloop 0.22.1, trio 0.31.0.
# Output seen:
#
#     asyncio without a handler: meanwhile the first one, afterwards the first one
#     asyncio with a handler: meanwhile another one, afterwards none
#     uvloop without a handler: meanwhile another one, afterwards the first one
#     uvloop with a handler: meanwhile another one, afterwards the first one
#     trio: meanwhile another one, afterwards the first one, RuntimeWarning
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uvloop==0.22.1 trio==0.31.0

cat > finding.py <<'END'
import asyncio
import signal
import socket
import warnings

import trio
import uvloop

there, here = socket.socketpair()
here.setblocking(False)


def which():
    now = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(now)
    return {here.fileno(): "the first one", -1: "none"}.get(now, "another one")


async def look(handles):
    if handles:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print)
    return which()


for name, factory in (("asyncio", asyncio.new_event_loop), ("uvloop", uvloop.new_event_loop)):
    for handles, words in ((False, "without a handler"), (True, "with a handler")):
        signal.set_wakeup_fd(here.fileno())
        with asyncio.Runner(loop_factory=factory) as runner:
            meanwhile = runner.run(look(handles))
        print(f"{name} {words}: meanwhile {meanwhile}, afterwards {which()}")


async def look_in_trio():
    return which()


signal.set_wakeup_fd(here.fileno())
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    meanwhile = trio.run(look_in_trio)
print(f"trio: meanwhile {meanwhile}, afterwards {which()},", *{one.category.__name__ for one in caught})
END
cat > expected <<'END'
asyncio without a handler: meanwhile the first one, afterwards the first one
asyncio with a handler: meanwhile another one, afterwards none
uvloop without a handler: meanwhile another one, afterwards the first one
uvloop with a handler: meanwhile another one, afterwards the first one
trio: meanwhile another one, afterwards the first one, RuntimeWarning
END
venv/bin/python finding.py > seen
diff expected seen && echo "as stated"
