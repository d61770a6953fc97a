"""A filter as Structs: what parsing.py makes of its text, and printing.py writes as text again."""

from typing import Final

from msgspec import Struct

from .names import METRICS, PLAIN, Kind


class Plain(Struct, frozen=True, tag="plain"):
    """A field that stands for itself: `status`."""

    name: str


class Keyed(Struct, frozen=True, tag="keyed"):
    """A parameter, or a fact of context or metadata, by its dotted key: `params.optimizer.lr`."""

    part: str
    key: str


class Statistic(Struct, frozen=True, tag="statistic"):
    """Of the numbers of one field of a metric; `metric` None is the unnamed one."""

    metric: str | None
    field: str
    statistic: str


Field = Plain | Keyed | Statistic


class FromNow(Struct, frozen=True, tag="now"):
    """A time that goes on with the clock: `now - 7d` is -604,800 seconds from now."""

    seconds: float


Value = str | bool | int | float | FromNow


class Compare(Struct, frozen=True, tag="compare"):
    """`comparison` is one of COMPARISONS."""

    field: Field
    comparison: str
    value: Value


class In(Struct, frozen=True, tag="in"):
    """Equal to one of the values, at least one."""

    field: Field
    values: tuple[Value, ...]


class Has(Struct, frozen=True, tag="has"):
    """A list that has an element equal to the value."""

    field: Field
    value: Value


class StartsWith(Struct, frozen=True, tag="starts"):
    field: Field
    text: str


class Contains(Struct, frozen=True, tag="contains"):
    field: Field
    text: str


class Exists(Struct, frozen=True, tag="exists"):
    """Whatever the value is, NaN and None too."""

    field: Field


class IsNan(Struct, frozen=True, tag="nan"):
    """A float that is no number: it passes no comparison, so it has a question of its own."""

    field: Field


class Not(Struct, frozen=True, tag="not"):
    """Two-valued: true wherever the inner one is not."""

    inner: "Filter"


class And(Struct, frozen=True, tag="and"):
    """Two parts at least."""

    parts: "tuple[Filter, ...]"


class Or(Struct, frozen=True, tag="or"):
    """Two parts at least."""

    parts: "tuple[Filter, ...]"


Condition = Compare | In | Has | StartsWith | Contains | Exists | IsNan
Filter = Condition | Not | And | Or

COMPARISONS: Final = ("=", "!=", "<", "<=", ">", ">=")


def kind_of(field: Field) -> Kind:
    """Of the field's values; "any" of what users named."""
    if isinstance(field, Plain):
        return PLAIN[field.name]
    return "number" if isinstance(field, Statistic) else "any"


def conditions_of(filter_: Filter) -> list[Condition]:
    """All conditions of a filter, in the order of its text."""
    if isinstance(filter_, Not):
        return conditions_of(filter_.inner)
    if isinstance(filter_, And | Or):
        return [one for part in filter_.parts for one in conditions_of(part)]
    return [filter_]


def part_of(field: Field) -> str:
    """The first word of the field."""
    if isinstance(field, Plain):
        return field.name
    return field.part if isinstance(field, Keyed) else METRICS
