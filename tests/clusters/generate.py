"""What deploy/ has of the code and the docs: `make docs`. test_observe.py fails where it has drifted.

The chart has copies of deploy/observe: helm reads no file outside of a chart, and archives take no links.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from . import dashboards, values_schema

_ROOT: Final = Path(__file__).parents[2]
_OBSERVE: Final = _ROOT / "deploy" / "observe"


def files() -> Mapping[Path, str]:
    """Texts by file."""
    made: dict[Path, str] = {values_schema.CHART / "values.schema.json": values_schema.values_schema()}
    observe = {f"dashboards/{name}": text for name, text in dashboards.files().items()}
    made |= {_OBSERVE / name: text for name, text in observe.items()}
    copied = observe | {"alerts.yaml": (_OBSERVE / "alerts.yaml").read_text()}
    return made | {values_schema.CHART / "observe" / name: text for name, text in copied.items()}


def main(say: Callable[[str], None] = print) -> None:
    for path, text in files().items():
        path.write_text(text)
        say(str(path.relative_to(_ROOT)))


if __name__ == "__main__":
    main()
