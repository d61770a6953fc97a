"""Values of wandb and trackio that we do not keep: every signature is taken, and a short description is stored."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from .unkept import UnkeptValue

_SIZES = ("shape", "size")


class _Described(UnkeptValue):
    """Whatever is asked of it besides is done and comes to nothing, as far as a script can see."""

    def __init__(self, data: Any = None, *more: Any, caption: Any = None, **named: Any) -> None:
        self._facts: dict[str, Any] = {"_type": self.kind}
        for name in _SIZES:
            size = getattr(data, name, None)
            if isinstance(size, (tuple, list)):
                self._facts["shape"] = [*size]
                break
        if isinstance(data, str):
            self._facts["of"] = data[:200]
        if caption is not None:
            self._facts["caption"] = str(caption)[:200]

    def describe(self) -> dict[str, Any]:
        return self._facts

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # what a copy or a pickle looks for
            raise AttributeError(name)
        return lambda *args, **kwargs: self


class Image(_Described):
    """`Image(…)`"""

    kind = "Image"


class Video(_Described):
    """`Video(…)`"""

    kind = "Video"


class Audio(_Described):
    """`Audio(…)`"""

    kind = "Audio"


class Html(_Described):
    """`Html(…)`"""

    kind = "Html"


class Object3D(_Described):
    """`Object3D(…)`"""

    kind = "Object3D"


class Molecule(_Described):
    """`Molecule(…)`"""

    kind = "Molecule"


class Plotly(_Described):
    """`Plotly(…)`"""

    kind = "Plotly"


class Artifact(_Described):
    """`Artifact(…)`: what is added to it stays where it lies."""

    kind = "Artifact"

    def __init__(
        self, name: str = "", type: str = "", description: str | None = None, metadata: Any = None, **named: Any
    ) -> None:
        super().__init__(name)
        self.name, self.type, self.description = name, type, description
        self.metadata: dict[str, Any] = dict(metadata or {})

    @contextmanager
    def new_file(self, name: str, mode: str = "x", *more: Any, **named: Any) -> Iterator[Any]:
        """A file to write to, which is not kept."""
        with tempfile.TemporaryFile("w+b" if "b" in mode else "w+") as file:
            yield file

    def wait(self, timeout: float | None = None) -> "Artifact":
        """At once."""
        return self


class Histogram(_Described):
    """`Histogram(…)`: the one value of these that is small, so its bins are stored."""

    kind = "Histogram"

    def __init__(self, sequence: Any = None, np_histogram: Any = None, num_bins: int = 64) -> None:
        super().__init__(sequence)
        if np_histogram is None and sequence is not None:
            np_histogram = _counted(sequence, min(num_bins, 512))
        if np_histogram is not None:
            self._facts |= {"values": list(np_histogram[0]), "bins": list(np_histogram[1])}


class Table(_Described):
    """`Table(…)`: its rows are there for the script; stored is how many they are, and which columns they have."""

    kind = "Table"

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        *more: Any,
        **named: Any,
    ) -> None:
        super().__init__()
        given = data if data is not None else rows
        if dataframe is None and hasattr(given, "columns") and hasattr(given, "values"):  # theirs takes it as data too
            dataframe = given
        if dataframe is not None:
            columns, given = list(dataframe.columns), dataframe.values.tolist()
        self.columns = [*columns] if columns is not None else ["Input", "Output", "Expected"]
        self.data = _rows_of(given)

    def add_data(self, *row: Any) -> None:
        """A row."""
        self.data.append([*row])

    def add_row(self, *row: Any) -> None:
        """A row."""
        self.data.append([*row])

    def add_column(self, name: str, data: Iterable[Any], *more: Any, **named: Any) -> None:
        """A column."""
        self.columns.append(name)
        if not self.data:
            self.data = [[value] for value in data]
        else:
            for row, value in zip(self.data, data, strict=False):
                row.append(value)

    def get_column(self, name: str, *more: Any, **named: Any) -> list[Any]:
        """Its values."""
        at = self.columns.index(name)
        return [row[at] if at < len(row) else None for row in self.data]

    def iterrows(self) -> Iterator[tuple[int, Any]]:
        """Index and row."""
        yield from enumerate(self.data)

    def describe(self) -> dict[str, Any]:
        return {"_type": self.kind, "rows": len(self.data), "columns": [str(one)[:100] for one in self.columns[:100]]}


@cache
def described(name: str) -> type[UnkeptValue]:
    """A class of theirs that has no place above: what is made of it is described by that name."""
    return type(name, (_Described,), {"kind": name, "__doc__": f"`{name}(…)`"})


class _Plot(_Described):
    kind = "plot"


class Plots:
    """`wandb.plot`: each of its functions makes a plot of a table, which is not kept."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: _Plot(name)


def _counted(sequence: Any, bins: int) -> Any:
    """By NumPy; None where it is not there, or these are no numbers: then the description has no bins."""
    try:
        import numpy as np  # its weight is that of scripts that have it already

        numbers = np.asarray(sequence.tolist() if hasattr(sequence, "tolist") else sequence, dtype="float64")
        counts, edges = np.histogram(numbers[np.isfinite(numbers)], bins=bins)
        return counts.tolist(), edges.tolist()
    except (ImportError, TypeError, ValueError):
        return None


def _rows_of(given: Any) -> list[list[Any]]:
    """Of lists, of an array; none of what has none."""
    try:
        return [list(row) if isinstance(row, Iterable) and not isinstance(row, str) else [row] for row in given]
    except TypeError:
        return []
