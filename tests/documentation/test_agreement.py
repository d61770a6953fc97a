"""The pages under docs/ agree with the code: names that there are stand in them, and names that stand in them are."""

import ast
import importlib
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client import Counter, Gauge, Histogram

from mldash.command_line import COMMANDS
from mldash.events.schema import Record
from mldash.events.topics import DEFAULT_PARTITIONS, dead_letter_topic, event_topics, stored_topic
from mldash.process.configuration import SECTIONS, section_of, struct_of
from mldash.process.environment import OF_FILE, list_settings
from mldash_api.app import make_app
from mldash_api.errors import ApiError
from mldash_api.settings import ApiSettings
from mldash_api.stores.streams import Stores
from mldash_ingest.delays import Delays

from . import generate

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"])
# Read by no settings Struct: the file's own name, and the tests' stack.
OTHER_VARIABLES = {"MLDASH_CONFIG", "MLDASH_TEST_DATA"}


@pytest.mark.parametrize("name", generate.FILES)
def test_what_is_generated_has_not_drifted(name: str) -> None:
    """`make docs` writes it anew."""
    assert (generate.FOLDER / name).read_text() == generate.FILES[name](), f"docs/generated/{name}: run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Those to files of the repository; a heading's anchor where one is given."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), f"{page.relative_to(ROOT)} links to {target}"
        if anchor:
            assert anchor in _anchors(file), f"{page.relative_to(ROOT)} links to {target}, which has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_are_named_exist(page: Path) -> None:
    """In code: `producer/mldash/handles/metrics.py`, `tests/property/`; not patterns."""
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir())
    for name in re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text()):
        schema_version = re.fullmatch(r"mldash/\d+\.\d+", name)
        assert (ROOT / name).exists() or schema_version, f"{page.relative_to(ROOT)} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_variables_that_are_named_exist(page: Path) -> None:
    """`MLDASH_…` in prose and in examples."""
    settings = [one for name in SECTIONS for one in list_settings(struct_of(name), section_of(name))]
    known = {one.variable for one in settings} | {one.variable + OF_FILE for one in settings if one.secret}
    named = {name for name in re.findall(r"\bMLDASH_[A-Z0-9_]+", page.read_text()) if not name.endswith("_")}
    assert named <= known | OTHER_VARIABLES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_named_exist(page: Path) -> None:
    """In code: `mldash NAME …`; with their options."""
    text = page.read_text()
    code = "\n".join(re.findall(r"```(?:sh|text)\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))
    for name in re.findall(r"(?:^|(?<!from)[\s(/])mldash ([a-z]+(?:-[a-z]+)*)\b", code, re.MULTILINE):
        assert name in COMMANDS, f"{page.relative_to(ROOT)} names `mldash {name}`"


def test_every_command_is_told_on_the_page_for_operators() -> None:
    """And what each takes stands in generated/commands.md."""
    page = (DOCS / "operations.md").read_text()
    assert [name for name in COMMANDS if f"mldash {name}" not in page] == []


def test_every_topic_is_on_the_page_of_events_with_its_partitions() -> None:
    """A row a topic."""
    page = (DOCS / "events.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `mldash.")]
    found = {row.split("`")[1]: row.split("|")[3].strip() for row in rows}
    expected = {topic: str(DEFAULT_PARTITIONS[kind]) for topic, kind in event_topics("mldash").items()}
    assert found == expected | {dead_letter_topic("mldash"): "1", stored_topic("mldash"): "1"}


def test_the_example_of_a_record_is_one() -> None:
    """The JSON on the page of events decodes, and nothing of it is left over."""
    (example,) = re.findall(r"```json\n(.*?)```", (DOCS / "events.md").read_text(), re.DOTALL)
    record = msgspec.json.decode(example, type=Record)
    assert json.loads(msgspec.json.encode(record)) == json.loads(example)
    assert record.count == 2


def test_every_field_of_a_record_is_on_the_page_of_events() -> None:
    """A row a field."""
    page = (DOCS / "events.md").read_text()
    assert [name for name in Record.__struct_fields__ if f"| `{name}` |" not in page] == []


def test_every_collection_is_on_the_page_of_storage() -> None:
    """A row a collection, and none that there is not."""
    source = (ROOT / "ingest_workers" / "mldash_ingest" / "documents" / "mongo.py").read_text()
    collections = set(re.findall(r'self\.database\["(\w+)"\]', source))
    assert collections
    assert set(re.findall(r"^\| `(\w+)` \|", (DOCS / "storage.md").read_text(), re.MULTILINE)) == collections


@pytest.mark.parametrize("package", ["mldash_ingest", "mldash_compactor", "mldash_api"])
def test_every_operator_metric_is_on_the_page_for_operators(package: str) -> None:
    """Each with what to do when it moves; and none that there is not."""
    prefix = "mldash_worker_" if package == "mldash_ingest" else f"{package}_"
    instruments = vars(importlib.import_module(f"{package}.instruments")).values()
    kinds = Counter | Gauge | Histogram | Delays
    names = {family.name for one in instruments if isinstance(one, kinds) for family in one.collect()}
    told = set(re.findall(rf"`({prefix}\w+)` \|", (DOCS / "operations.md").read_text()))
    assert told == names


def test_every_route_is_on_the_page_of_http() -> None:
    """A row a route, and none that there is not."""
    settings = ApiSettings(kafka="127.0.0.1:1", mongo="mongodb://127.0.0.1:1")
    nowhere: Any = None
    routes = set(make_app(Stores(settings, nowhere, nowhere, nowhere, nowhere)).openapi_schema.paths or {})
    told = set(re.findall(r"^\| `(/v1/[^`]*)` \|", (DOCS / "http.md").read_text(), re.MULTILINE))
    assert told == routes


def test_every_problem_is_on_the_page_of_http_with_its_status() -> None:
    """A row a type."""
    problems = {(one.type, str(one.status)) for one in ApiError.__subclasses__() if one.type != ApiError.type}
    told = set(re.findall(r"^\| `([\w-]+)` \| (\d+) \|", (DOCS / "http.md").read_text(), re.MULTILINE))
    assert told == problems


def test_every_error_of_the_sdk_is_on_its_page() -> None:
    """Those of producer/mldash/errors.py and producer/mldash/process/environment.py."""
    page = (DOCS / "sdk.md").read_text()
    names = [
        node.name
        for file in ("errors.py", "process/environment.py")
        for node in ast.parse((ROOT / "producer" / "mldash" / file).read_text()).body
        if isinstance(node, ast.ClassDef) and _is_error(node)
    ]
    assert [name for name in names if f"`{name}`" not in page] == []


def _is_error(node: ast.ClassDef) -> bool:
    return (
        any(isinstance(base, ast.Name) and base.id.endswith("Error") for base in node.bases)
        and node.name != "MldashError"
    )


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
