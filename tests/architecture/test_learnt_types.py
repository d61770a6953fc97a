"""msgspec learns a class where it first decodes into it, and two threads that let it crash the process.

So each class is learnt as its module is imported (mldash/process/learnt_types.py): no function names one to msgspec.
"""

import ast
import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "producer/mldash",
    "ingest_workers/mldash_ingest",
    "compactor/mldash_compactor",
    "query_api/mldash_api",
)
PLAIN = {*vars(builtins), "Any", "Raw", "msgspec"}
NO_CLASS_OF_SEVERAL_THREADS = {
    "producer/mldash/local/state/point_columns.py",  # a class of its own for each reader
    "producer/mldash/process/environment.py",  # settings hold plain values
    "producer/mldash/process/learnt_types.py",
}
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_no_function_lets_msgspec_learn_a_class() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(kind)}"
        for path in FILES
        if path.relative_to(ROOT).as_posix() not in NO_CLASS_OF_SEVERAL_THREADS
        for call, kind in kinds_named(ast.parse(path.read_bytes()))
        if names_in(kind) - PLAIN
    ]
    assert not found, f"keep a Decoder at the module's top, or `learnt(…)`: {found}"


@pytest.mark.parametrize(
    "line", ["msgspec.json.decode(b, type=Head)", "msgpack.decode(b, type=list[Head])", "msgspec.convert(x, Head)"]
)
def test_the_look_finds_each_way_to_name_a_class(line: str) -> None:
    [(_, kind)] = kinds_named(ast.parse(f"def f(b, x):\n    return {line}"))
    assert names_in(kind) - PLAIN == {"Head"}


def kinds_named(tree: ast.AST) -> Iterator[tuple[ast.Call, ast.expr]]:
    """Calls of msgspec in functions, with the type that each names; `_NAME`s were learnt by the module."""
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and (kind := kind_of(call)) is not None:
                is_learnt = isinstance(kind, ast.Name) and kind.id.startswith("_") and kind.id.isupper()
                if not is_learnt:
                    yield call, kind


def kind_of(call: ast.Call) -> ast.expr | None:
    called = ast.unparse(call.func)
    if called.endswith(("json.decode", "msgpack.decode", "toml.decode", "yaml.decode")):
        return next((one.value for one in call.keywords if one.arg == "type"), None)
    if called.endswith(("json.Decoder", "msgpack.Decoder")):
        return next(iter(call.args), None)
    if called == "msgspec.convert":
        return call.args[1]
    return None


def names_in(kind: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(kind) if isinstance(node, ast.Name)}
