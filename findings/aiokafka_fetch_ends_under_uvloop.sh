#!/bin/sh
# aiokafka's send() on a connection whose transport has just been closed raises RuntimeError under uvloop.
#
# aiokafka turns OSError of a write into its KafkaConnectionError, which all of its loops expect. asyncio's transport
# raises nothing there (the request is failed when the loss of the connection is told), uvloop's raises RuntimeError:
# no loop of aiokafka expects that. Seen in a consumer under faults: the task that fetches ended with it ("Unexpected
# error in fetcher routine"), the group's heartbeats went on, and getmany() gave nothing for ever, without an error.
# So whoever runs a consumer under uvloop watches that task, or makes the consumer anew where nothing comes.
#
# Versions: aiokafka 0.14.0, uvloop 0.23.0.
# Output seen:
#
#     asyncio   KafkaConnectionError
#     uvloop    RuntimeError
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check aiokafka==0.14.0 uvloop==0.23.0

cat > finding.py <<'END'
import asyncio
import logging
import struct

import uvloop
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest

logging.disable()
VERSIONS = {3: 1, 18: 0}  # Metadata, ApiVersions: all that this broker answers


async def broker(reader, writer):
    """Answers each request as if it asked for the versions (the format: KIP-35)."""
    try:
        while True:
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            (correlation,) = struct.unpack_from(">i", await reader.readexactly(size), 4)
            answer = struct.pack(">ihi", correlation, 0, len(VERSIONS))
            answer += b"".join(struct.pack(">hhh", key, 0, last) for key, last in VERSIONS.items())
            writer.write(struct.pack(">i", len(answer)) + answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def send_on_a_closed_transport():
    server = await asyncio.start_server(broker, "127.0.0.1", 0)
    connection = AIOKafkaConnection(*server.sockets[0].getsockname(), request_timeout_ms=5_000)
    await connection.connect()
    connection._writer.transport.abort()  # as when the broker has reset it
    await asyncio.sleep(0)  # one turn of the loop: closed now, and aiokafka's reader has not noticed yet
    try:
        await connection.send(MetadataRequest([]))
    except Exception as error:
        return type(error).__name__
    finally:
        connection.close()
        server.close()


for name, loop in ("asyncio", asyncio.new_event_loop), ("uvloop", uvloop.new_event_loop):
    with asyncio.Runner(loop_factory=loop) as runner:
        print(f"{name:10}{runner.run(send_on_a_closed_transport())}")
END
cat > expected <<'END'
asyncio   KafkaConnectionError
uvloop    RuntimeError
END

venv/bin/python finding.py > found
diff expected found && echo "as stated"
