"""What may be asked: the parameters that many routes share, their bounds, and the refusal of unknown ones.

What a user names is data only: it goes through identity's hash, or stands as a value in a query, never as an operator,
a path or a field of one.
"""

import math
from functools import cache
from typing import Annotated, Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import HeaderParameter, ParameterKwarg, PathParameter, QueryParameter

from mldash.answers.limits import MOST_COUNT, MOST_NAMES
from mldash.events.identity import ID_BYTES, Prefix, check_name, parse_prefix
from mldash_api.errors import WrongParameter
from mldash_api.limits import MOST_RANK, MOST_SESSIONS

HEADERS: Final = {"written": "Mldash-Written", "wait": "Mldash-Wait"}
"""A handler's parameter → the header that it comes in."""

_TAKES_UNKNOWN: Final = "takes unknown parameters"
TAKES_UNKNOWN: Final = {_TAKES_UNKNOWN: True}
"""A route's `opt`: others say what it is asked, and may say more (RFC 6749, 4.1.2)."""

PrefixText = Annotated[str, QueryParameter(description="The experiment: owner/project/…/name.")]
StreamName = Annotated[str | None, QueryParameter(description="The metric's name.")]
Unnamed = Annotated[bool, QueryParameter(description="The unnamed metric; then `name` is left out.")]
Index = Annotated[int, QueryParameter(ge=0, le=MOST_COUNT)]


def checked_prefix(text: str) -> Prefix:
    try:
        return parse_prefix(text)
    except ValueError as error:
        raise WrongParameter("prefix", str(error)) from None


def checked_session(text: str) -> bytes:
    try:
        session = bytes.fromhex(text)
    except ValueError:
        session = b""
    if len(session) != ID_BYTES:
        raise WrongParameter("session", f"{text!r} is not {ID_BYTES} bytes in hex")
    return session


def checked_ranks(ranks: list[int] | None) -> list[int] | None:
    """Raises WrongParameter for one that no process has."""
    checked_count("number of rank", len(ranks or ()), MOST_SESSIONS)
    for rank in ranks or ():
        checked_count("rank", rank, MOST_RANK)
    return ranks


def checked_name(parameter: str, name: str) -> str:
    """A metric's name, a topic, a field."""
    try:
        check_name(parameter, name)
    except ValueError as error:
        raise WrongParameter(parameter, str(error)) from None
    return name


def metric_name(name: str | None, unnamed: bool) -> str | None:
    """None is the unnamed metric. Exactly one of the two parameters says which is meant."""
    if unnamed:
        if name is not None:
            raise WrongParameter("unnamed", "the unnamed metric has no name: leave `name` out")
        return None
    if name is None:
        raise WrongParameter("name", "say which metric, or unnamed=true for the unnamed one")
    return checked_name("name", name)


def checked_count(parameter: str, count: int, most: int) -> int:
    if not 0 <= count <= most:
        raise WrongParameter(parameter, f"{count} is not between 0 and {most}")
    return count


def checked_number(parameter: str, number: float | None) -> float | None:
    """Any but NaN, which is neither before nor behind anything."""
    if number is not None and math.isnan(number):
        raise WrongParameter(parameter, "NaN is no number")
    return number


def checked_finite(parameter: str, number: float | None) -> float | None:
    """A bound: an infinite one is none."""
    number = checked_number(parameter, number)
    return None if number is None or math.isinf(number) else number


def checked_fields(parameter: str, fields: list[str] | None) -> list[str] | None:
    if fields is None:
        return None
    checked_count(f"number of {parameter}", len(fields), MOST_NAMES)
    return [checked_name(parameter, field) for field in fields]


def refuse_unknown(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """A guard: a parameter that the route does not have is refused by name, for a typo must not change an answer."""
    if handler.opt.get(_TAKES_UNKNOWN):
        return
    known = _parameters_of(handler)
    for name in connection.query_params:
        if name not in known:
            allowed = f"there are {', '.join(sorted(known))}" if known else "this route takes none"
            raise WrongParameter(name, f"no such parameter; {allowed}")


@cache
def _parameters_of(handler: BaseRouteHandler) -> frozenset[str]:
    """Names of the query parameters of a handler and of what it depends on."""
    dependencies = handler.resolve_dependencies()
    known = set[str]()
    used, seen = [handler.parsed_fn_signature], set[str]()
    while used:
        for name, field in used.pop().parameters.items():
            if name in dependencies:
                if name not in seen:
                    seen.add(name)
                    used.append(dependencies[name].parsed_fn_signature)
                continue
            said = field.kwarg_definition
            if name not in ("request", "data") and not isinstance(said, HeaderParameter | PathParameter):
                known.add(said.name if isinstance(said, ParameterKwarg) and said.name else name)
    return frozenset(known)
