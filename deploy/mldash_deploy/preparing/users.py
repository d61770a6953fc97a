"""Users of Kafka that are not there, and rights that they lack.

A password can't be read back: a user that is there keeps its own, unless new ones are asked for.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from msgspec import Struct

from .changes import Change, Plan, WrongArgument
from .kafka_requests import Right, grant, rights_of, scram_users, set_passwords
from .rights import ROLES, Role, in_words, rights_of_role


class Granted(Struct, frozen=True):
    """A role for a user."""

    user: str
    role: Role


class Signing(Struct, frozen=True):
    """A user that signs in with a password, and the file that holds it."""

    user: str
    file: Path


def read_granted(text: str) -> Granted:
    """`USER=ROLE`. Raises WrongArgument."""
    user, _, role = text.rpartition("=")
    for known in ROLES:
        if user and role == known:
            return Granted(user, known)
    raise WrongArgument(f"--acls {text}", f"USER=ROLE, and a role is one of {', '.join(ROLES)}")


def read_signing(text: str) -> Signing:
    """`NAME=FILE`. Raises WrongArgument."""
    user, _, file = text.partition("=")
    if not user or not file:
        raise WrongArgument(f"--user {text}", "NAME=FILE, and FILE holds the password or is made")
    return Signing(user, Path(file).expanduser())


async def plan_rights(admin: AIOKafkaAdminClient, asked: Sequence[Granted], topic_prefix: str, group: str) -> Plan:
    """Rights that are missing; what a user may do beyond them stays. Raises RequestRefused."""
    missing = dict[str, list[Right]]()
    for user in dict.fromkeys(one.user for one in asked):
        roles = [one.role for one in asked if one.user == user]
        wanted = set[Right]().union(*(rights_of_role(role, topic_prefix, group) for role in roles))
        missing[user] = sorted(wanted - await rights_of(admin, user))

    async def apply() -> None:
        for user, rights in missing.items():
            await grant(admin, user, rights)

    changes = [Change(f"user {user}", f"allow {in_words(one)}") for user, rights in missing.items() for one in rights]
    return Plan(changes, apply=apply)


async def plan_users(admin: AIOKafkaAdminClient, asked: Sequence[Signing], *, new_passwords: bool) -> Plan:
    """Users that are missing, by SCRAM-SHA-512. Raises RequestRefused, WrongArgument."""
    there = await scram_users(admin, [one.user for one in asked])
    files = {one.user: one.file for one in asked if new_passwords or one.user not in there}
    for file in files.values():
        _read(file)  # a file that can't be used is told before anything is changed

    async def apply() -> None:
        await set_passwords(admin, {user: _read(file) or _make(file) for user, file in files.items()})

    changes = [
        Change(f"user {user}", f"{'set the password' if user in there else 'make it, with the password'} in {file}")
        for user, file in files.items()
    ]
    kept = sorted(there - files.keys())
    notes = [f"user {user} is there and keeps its password (--new-passwords sets that of its file)" for user in kept]
    return Plan(changes, notes, apply)


async def sign_up(
    admin: AIOKafkaAdminClient, passwords: Mapping[str, str], granted: Sequence[Granted], topic_prefix: str, group: str
) -> None:
    """Those of these users that are missing, and their roles, as the local stack makes them. Raises RequestRefused."""
    there = await scram_users(admin, passwords)
    await set_passwords(admin, {user: password for user, password in passwords.items() if user not in there})
    await (await plan_rights(admin, granted, topic_prefix, group)).apply()


def _read(file: Path) -> str | None:
    """The password; None where there is no file. Raises WrongArgument."""
    try:
        password = file.read_text().rstrip("\n")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise WrongArgument(str(file), f"a text file that can be read ({error})") from error
    if not password or not password.isascii() or not password.isprintable():
        raise WrongArgument(str(file), "a password of printable ASCII, in one line")
    return password


def _make(file: Path) -> str:
    password = secrets.token_urlsafe(32)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
        made.write(f"{password}\n")
    return password
