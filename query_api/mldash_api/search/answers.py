"""What is asked of a search and what it answers: of the index, and of local folders alike (mldash_api/folders/)."""

from typing import Any, Literal, TypedDict

from msgspec import Struct

from mldash.answers.shapes import ExperimentAnswer, FieldAnswer

from .grouping import RunGroup


class RunRow(TypedDict):
    """A run with chosen columns: `values` has those fields that it has, under the names that they were asked by."""

    prefix: str
    id: str
    values: dict[str, Any]


class FoundAnswer(TypedDict):
    """A page in the order asked for. `experiments` are whole, or, where `fields` chose columns, rows with these.
    `count`: all that pass; `countIs` says whether it is exact. `asOf`: every change that was stored then is in the
    answer; `lagS`: how many seconds ago that is."""

    experiments: list[ExperimentAnswer] | list[RunRow]
    next: str | None
    count: int
    countIs: Literal["exact"]
    asOf: str | None
    lagS: float


class GroupsAnswer(TypedDict):
    """`count`: runs in all groups together."""

    groups: list[RunGroup]
    count: int
    asOf: str | None
    lagS: float


class FieldsAnswer(TypedDict):
    """Fields that runs have whom the caller may read, those that most runs have first; `count`: how many there are."""

    fields: list[FieldAnswer]
    count: int
    asOf: str | None
    lagS: float


class Search(Struct, frozen=True, kw_only=True):
    """The parameters of a search as they came."""

    filter: str | None
    sort: str | None
    fields: list[str] | None
    group: list[str] | None
    values: list[str] | None
    owner: str | None
    project: str | None
    cursor: str | None
    limit: int

    @property
    def is_asked(self) -> bool:
        """Whether it is more than a listing by prefix."""
        return any(one is not None for one in (self.filter, self.sort, self.fields, self.group, self.values))
