#!/bin/sh
# aiokafka's consumer raises CancelledError from stop() where one of its fetches waits to be tried again.
#
# stop() closes the fetcher, which cancels its pending fetches and awaits each without more ado. A fetch that is on its
# way returns when it is cancelled; one that has failed (a broker that closed the connection: at each end of a SASL
# token, at a restart) sleeps for the retry backoff inside of its `except`, and lets the cancellation out. So stop()
# raises CancelledError though nobody has cancelled its caller, and never comes to its connections, which stay open with
# the task that keeps the metadata. Whoever stops a consumer must not take that for a cancellation of its own, and has
# to close the client below it.
#
# Here: the fetcher of a consumer whose broker does not answer, with one fetch of the next records on its way.
#
# Versions: aiokafka 0.14.0.
# Output seen:
#
#     fetch on its way to a broker that is away: close() raises CancelledError
#     nobody has cancelled the caller: True
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aiokafka==0.14.0

cat > finding.py <<'END'
import asyncio
import logging

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.protocol.fetch import FetchRequest

logging.disable()
NOBODY_LISTENS = "127.0.0.1:1"


async def main():
    client = AIOKafkaClient(bootstrap_servers=NOBODY_LISTENS)
    subscription = SubscriptionState()
    subscription.assign_from_user([TopicPartition("topic", 0)])
    fetcher = Fetcher(client, subscription, retry_backoff_ms=5_000)
    await asyncio.sleep(0.1)  # it has taken up its assignment
    request = FetchRequest(max_wait_time=100, min_bytes=1, max_bytes=1, isolation_level=0, topics=[])
    fetch = asyncio.ensure_future(fetcher._proc_fetch_request(None, 1, request))
    fetcher._pending_tasks.add(fetch)
    await asyncio.sleep(0.5)  # it has failed by then, and waits to be tried again
    try:
        await fetcher.close()
        print("fetch on its way to a broker that is away: close() returns")
    except asyncio.CancelledError:
        print("fetch on its way to a broker that is away: close() raises CancelledError")
    print("nobody has cancelled the caller:", asyncio.current_task().cancelling() == 0)


asyncio.run(main())
END
cat > expected <<'END'
fetch on its way to a broker that is away: close() raises CancelledError
nobody has cancelled the caller: True
END

venv/bin/python finding.py > found
diff expected found && echo "as stated"
