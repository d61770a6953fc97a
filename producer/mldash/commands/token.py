"""`mldash token create | list | revoke`"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import click

from mldash.process.configuration import component_settings, config_option, struct_of

if TYPE_CHECKING:
    from mldash.answers.shapes import GrantAnswer, NewTokenAnswer, TokenAnswer
    from mldash.remote.transport import Transport

# What goes to MongoDB by itself; a component of the server, imported when used.
_DIRECT = "mldash_api.rights.direct"
# A component whose settings need no server but MongoDB.
_STORE = "compactor"


@click.group("token")
def command() -> None:
    """Make, list and revoke tokens for the API.

    Over HTTP as the admin whose MLDASH_TOKEN is set, where an API's address is (MLDASH_REMOTE); else, and with
    --direct, by MongoDB's own credentials (MLDASH_MONGO), which may do everything.
    """


def _place_options(given: Any) -> Any:
    given = click.option("--direct", is_flag=True, help="By MongoDB's credentials, not through the API.")(given)
    given = click.option("--data", metavar="DIR", help="Use the servers of the local stack in this folder.")(given)
    given = click.option("--json", "as_json", is_flag=True, help="For programs.")(given)
    return config_option(given)


@command.command("create")
@click.argument("subject")
@click.option(
    "--read", multiple=True, metavar="SCOPE", help="May read OWNER, OWNER/PROJECT or an experiment; / is all."
)
@click.option("--write", multiple=True, metavar="SCOPE", help="May read it and send records.")
@click.option("--admin-of", multiple=True, metavar="SCOPE", help="May do that, and say who else may.")
@click.option("--admin", is_flag=True, help="Admin of everything: the first one is made so, by MongoDB's credentials.")
@click.option("--days", type=float, default=90.0, show_default=True, metavar="N", help="When it ends.")
@click.option("--no-expiry", is_flag=True, help="It holds until it is revoked.")
@click.option("--note", default="", help="What it is for.")
@_place_options
def create(
    subject: str,
    read: tuple[str, ...],
    write: tuple[str, ...],
    admin_of: tuple[str, ...],
    admin: bool,
    days: float,
    no_expiry: bool,
    note: str,
    **place: Any,
) -> None:
    """Make a token for SUBJECT, a person or a service. It is printed once, and stored nowhere."""
    asked = [("read", read), ("write", write), ("admin", admin_of)]
    grants: list[GrantAnswer] = [{"right": right, "scope": scope} for right, scopes in asked for scope in scopes]
    if admin:
        grants.append({"right": "admin", "scope": "/"})
    if not grants:
        raise click.UsageError("a token without rights opens nothing: say --read, --write, --admin-of or --admin")
    given = {"subject": subject, "grants": grants, "expires_in_days": None if no_expiry else days, "note": note}
    api = None if admin else _api(place)
    made: NewTokenAnswer
    if api is not None:
        made = api.change("POST", "/v1/tokens", given)
    else:
        ending = given["expires_in_days"]
        made = importlib.import_module(_DIRECT).create(*_mongo(place), subject, grants, ending, note)
    if place["as_json"]:
        _print_json(made)
        return
    print(made["token"])
    print(
        f"{_told(made)}\nIt is shown this once: MLDASH_TOKEN, or a file of mode 0600 in MLDASH_TOKEN_FILE.",
        file=sys.stderr,
    )


@command.command("list")
@_place_options
def list_(**place: Any) -> None:
    """Show the tokens that you may give and take, the newest first."""
    api = _api(place)
    found: list[TokenAnswer] = (
        api.get("/v1/tokens")["tokens"] if api is not None else importlib.import_module(_DIRECT).all_of(*_mongo(place))
    )
    if place["as_json"]:
        _print_json(found)
        return
    from rich.table import Table

    from mldash.process.tables import table_console

    table = Table("id", "subject", "rights", "ends", "last use", "note", box=None, padding=(0, 2, 0, 0))
    for one in found:
        ends = f"revoked {_day(one['revokedAt'])}" if one["revokedAt"] else _day(one["expiresAt"]) or "never"
        table.add_row(one["id"], one["subject"], _rights(one), ends, _day(one["usedAt"]) or "-", one["note"])
    table_console().print(table)


@command.command("revoke")
@click.argument("token_id", metavar="ID")
@_place_options
def revoke(token_id: str, **place: Any) -> None:
    """Revoke the token ID (`mldash token list` has it): from now on every request with it is refused."""
    api = _api(place)
    ended: TokenAnswer
    if api is not None:
        from urllib.parse import quote

        ended = api.change("DELETE", f"/v1/tokens/{quote(token_id, safe='')}")
    else:
        ended = importlib.import_module(_DIRECT).revoke(*_mongo(place), token_id)
    if place["as_json"]:
        _print_json(ended)
    else:
        print(f"revoked: {_told(ended)}")


def _api(place: dict[str, Any]) -> Transport | None:
    """None: by MongoDB's credentials."""
    from mldash.settings import SdkSettings

    settings = component_settings(SdkSettings, "sdk", config=place["config"], data=place["data"])
    if place["direct"] or settings.remote is None:
        return None
    from mldash.remote.transport import Transport

    return Transport.of(settings, settings.remote)


def _mongo(place: dict[str, Any]) -> tuple[str, str]:
    """Its address and the database."""
    settings: Any = component_settings(struct_of(_STORE), _STORE, config=place["config"], data=place["data"])
    return settings.mongo, settings.mongo_database


def _told(token: TokenAnswer) -> str:
    ends = f"ends {_day(token['expiresAt'])}" if token["expiresAt"] else "has no end"
    return f"token {token['id']} of {token['subject']}: {_rights(token)}; {ends}"


def _rights(token: TokenAnswer) -> str:
    return ", ".join(f"{one['right']} on {one['scope'] or 'everything'}" for one in token["grants"])


def _day(moment: str | None) -> str:
    return "" if moment is None else moment[:16].replace("T", " ")


def _print_json(value: object) -> None:
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value)).decode())
