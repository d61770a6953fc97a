"""What benchmarks.imports reads: event files as TensorBoard's writers make them, and a log of wandb's own."""

import struct
import subprocess
from pathlib import Path
from typing import Final

from mldash.importers.tensorboard.frames import crc32c, masked

TAGS: Final = (b"train/loss", b"train/acc", b"val/loss", b"lr")
_BEGAN: Final = 1_700_000_000.0
_APART_S: Final = 0.01
_WANDB: Final = """
import sys, wandb
run = wandb.init(project="bench", mode="offline", dir=sys.argv[1], settings=wandb.Settings(console="off"))
for step in range(int(sys.argv[2])):
    value = 1 / (step + 1)
    run.log({"train/loss": value, "train/acc": 1 - value, "val/loss": value + 0.1, "lr": value / 3})
run.finish()
"""


def event_file(folder: Path, points: int) -> Path:
    """So many scalars of four tags, in turn."""
    folder.mkdir(parents=True)
    path = folder / "events.out.tfevents.1700000000.bench"
    with path.open("wb") as file:
        file.write(_record(b"\x09" + struct.pack("<d", _BEGAN) + _sized(0x1A, b"brain.Event:2")))
        for number in range(points):
            step = number // len(TAGS)
            value = _sized(0x0A, TAGS[number % len(TAGS)]) + b"\x15" + struct.pack("<f", 1 / (step + 1))
            told = b"\x10" + _varint(step) if step else b""
            wall = struct.pack("<d", _BEGAN + step * _APART_S)
            file.write(_record(b"\x09" + wall + told + _sized(0x2A, _sized(0x0A, value))))
    return path


def wandb_log(python: str, folder: Path, rows: int) -> Path:
    """An offline run of so many rows of four values, by the wandb of this interpreter."""
    folder.mkdir(parents=True)
    command = [python, "-c", _WANDB, str(folder), str(rows)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return next(folder.rglob("*.wandb"))


def _record(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", masked(crc32c(head))) + data + struct.pack("<I", masked(crc32c(data)))


def _sized(key: int, data: bytes) -> bytes:
    return bytes([key]) + _varint(len(data)) + data


def _varint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])
