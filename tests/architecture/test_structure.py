"""What can be read at once: files and folders of a size, and imports that go one way."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from .installing import PACKAGES, ROOT

MOST_LINES = 350
MOST_FILES = 20


@pytest.fixture(scope="module")
def modules() -> dict[str, Path]:
    """Name → file, of the five packages."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in (ROOT / folder / package).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def test_no_circle_of_imports_late_ones_included(modules: dict[str, Path]) -> None:
    """An import within a function hides a circle and does not open it. What only a type checker imports counts not."""
    graph = {name: set(_imported(name, path, modules)) - {name} for name, path in modules.items()}
    assert not _circle(graph)


def test_a_circle_is_found_wherever_it_begins() -> None:
    assert _circle({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == {"b": {"d"}, "d": {"b"}}
    assert not _circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})


def test_files_can_be_read_at_once(modules: dict[str, Path]) -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in modules.values()}
    assert not {path: count for path, count in lines.items() if count > MOST_LINES}


def test_folders_can_be_read_at_once(modules: dict[str, Path]) -> None:
    """Files at their top."""
    folders = {path.parent for path in modules.values()}
    counts = {str(folder.relative_to(ROOT)): sum(1 for one in folder.iterdir() if one.is_file()) for folder in folders}
    assert not {folder: count for folder, count in counts.items() if count > MOST_FILES}


def _imported(name: str, path: Path, modules: dict[str, Path]) -> Iterator[str]:
    """Modules of ours that a file imports, anywhere in it."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in _import_nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
            continue
        parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        source = ".".join([*parts, *([node.module] if node.module else [])])
        for alias in node.names:
            if (whole := f"{source}.{alias.name}") in modules:
                yield whole
            elif source in modules:
                yield source


def _import_nodes(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        else:
            yield from _import_nodes(child)


def _circle(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is left once all that imports nothing of the rest, or is imported by nothing of it, is taken away."""
    left = graph
    while True:
        imported = set().union(*left.values())
        kept = {name: targets & left.keys() for name, targets in left.items() if name in imported}
        kept = {name: targets for name, targets in kept.items() if targets}
        if kept == left:
            return left
        left = kept
