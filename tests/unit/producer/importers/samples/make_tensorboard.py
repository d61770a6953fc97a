"""Makes the samples of TensorBoard's event files: those of tensorboardX, and the encodings of TensorFlow 2 and of
plugins by the protocol buffers of the package tensorboard, and a ledger of all that was logged beside them.

    python -m venv one && one/bin/pip install tensorboardX tensorboard numpy
    one/bin/python make_tensorboard.py FOLDER       # runs/ and ledger.json
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_FLOAT, DT_INT64, DT_STRING
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboardX import SummaryWriter

HERE = Path(sys.argv[1]).absolute()
START = 1_700_000_000.0


def walk(folder: Path) -> list:
    told = []
    with SummaryWriter(str(folder)) as writer:
        for step in range(5):
            for tag, value in (("train/loss", 1 / (step + 1)), ("train/acc", step / 7), ("lr", 0.1)):
                writer.add_scalar(tag, value, step, walltime=START + step)
                told.append([tag, float(numpy.float32(value)), step, START + step])
        writer.add_scalar("train/loss", float("nan"), 2, walltime=START + 5)
        told.append(["train/loss", "nan", 2, START + 5])
        writer.add_scalar("train/loss", float("inf"), 3, walltime=START + 6)
        told.append(["train/loss", "inf", 3, START + 6])
        writer.add_text("note", "naïve → ☃", 3, walltime=START + 7)
        writer.add_scalars("group", {"a": 1.5, "b": 2.5}, 4, walltime=START + 8)
        writer.add_histogram("weights", numpy.arange(10.0), 4, walltime=START + 9)
        writer.add_hparams({"lr": 0.1, "depth": 3, "name": "mlp", "flag": True}, {"hparam/best": 0.5}, name="hp")
    return told


def tensors(folder: Path) -> list:
    """A scalar as TensorFlow 2 has it: a tensor of the plugin scalars, as bytes or as a list of numbers."""
    told = []
    writer = EventFileWriter(str(folder))
    plugin = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    shape = TensorShapeProto()
    made = [
        ("epoch_loss", TensorProto(dtype=DT_FLOAT, tensor_shape=shape, tensor_content=numpy.float32(0.1).tobytes())),
        ("epoch_loss", TensorProto(dtype=DT_FLOAT, tensor_shape=shape, float_val=[0.25])),
        ("epoch_acc", TensorProto(dtype=DT_DOUBLE, tensor_shape=shape, double_val=[0.1])),
        ("epoch_acc", TensorProto(dtype=DT_DOUBLE, tensor_shape=shape, tensor_content=numpy.float64(0.3).tobytes())),
        ("count", TensorProto(dtype=DT_INT64, tensor_shape=shape, int64_val=[7])),
    ]
    values = [float(numpy.float32(0.1)), 0.25, 0.1, 0.3, 7]
    for step, ((tag, tensor), value) in enumerate(zip(made, values, strict=True)):
        one = Summary.Value(tag=tag, metadata=plugin, tensor=tensor)
        writer.add_event(Event(wall_time=START + step, step=step, summary=Summary(value=[one])))
        told.append([tag, value, step, START + step])
    text = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    said = TensorProto(dtype=DT_STRING, tensor_shape=shape, string_val=[b"two words"])
    one = Summary.Value(tag="note", metadata=text, tensor=said)
    writer.add_event(Event(wall_time=START + 9, step=9, summary=Summary(value=[one])))
    writer.close()
    return told


if __name__ == "__main__":
    HERE.mkdir(parents=True, exist_ok=True)
    ledger = {
        "versions": {name: version(name) for name in ("tensorboardX", "tensorboard")},
        "walk": walk(HERE / "runs" / "walk"),
        "train": tensors(HERE / "runs" / "keras" / "train"),
        "validation": tensors(HERE / "runs" / "keras" / "validation"),
    }
    (HERE / "ledger.json").write_text(json.dumps(ledger, indent=1))
