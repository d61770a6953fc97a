"""pyarrow imports pandas, where it is installed, with the first conversion to or from an array of numpy.

That takes half a second of one core, many on a busy host, and an event loop stands still meanwhile: so components do it
as they start.
"""

import pyarrow as pa


def load_conversions() -> None:
    """What the first conversion would load. To be called in a thread, before the component says that it is ready."""
    pa.array([0.0]).to_numpy()
