"""What deploy/ has of the code and the docs: `make docs`. test_observe.py fails where it has drifted."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from . import dashboards, values_schema

_ROOT: Final = Path(__file__).parents[2]


def files() -> Mapping[Path, str]:
    """Texts by file."""
    made: dict[Path, str] = {values_schema.CHART / "values.schema.json": values_schema.values_schema()}
    return made | {dashboards.FOLDER / name: text for name, text in dashboards.files().items()}


def main(say: Callable[[str], None] = print) -> None:
    for path, text in files().items():
        path.write_text(text)
        say(str(path.relative_to(_ROOT)))


if __name__ == "__main__":
    main()
