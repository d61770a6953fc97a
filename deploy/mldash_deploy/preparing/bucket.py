"""The bucket: there, with versioning as set, and a life-cycle rule that never touches a current object.

S3 replaces all rules of a bucket at once, so those of others go back as they came. A rule that deletes current objects,
and whose prefix may meet a chunk's key, is refused: the manifest would go on naming what is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mldash_compactor.chunks.errors import ObjectMissing, StoreRefused
from mldash_compactor.chunks.s3 import ObjectStore

from .changes import BucketWouldExpire, Change, Plan
from .settings import PrepareSettings

RULE: Final = "mldash-leftovers"
_CHUNKS: Final = "owner="
"""Each chunk's key begins so (mldash_compactor/chunks/keys.py)."""
_NO_RULES: Final = "NoSuchLifecycleConfiguration"

Rule = dict[str, Any]


async def plan_bucket(store: ObjectStore, settings: PrepareSettings, *, alter: bool) -> Plan:
    """Raises BucketWouldExpire, ColdStoreError."""
    is_there = await _is_there(store)
    if is_there and not alter:
        return Plan()
    rules = await _rules(store) if is_there else []
    versioning = await _versioning(store) if is_there else None
    check_rules(store.bucket, rules)
    own = own_rule(settings)
    before = next((one for one in rules if one.get("ID") == RULE), None)
    changes = list[Change]()
    subject = f"bucket {store.bucket}"
    if not is_there:
        changes.append(Change(subject, "make it"))
    sets_versioning = settings.versioning is not None and settings.versioning != versioning
    if sets_versioning:
        changes.append(Change(subject, f"versioning {versioning or 'never set'} → {settings.versioning}"))
    sets_rule = before is None or not same_rule(before, own)
    if sets_rule:
        verb = "add" if before is None else "change"
        changes.append(Change(subject, f"{verb} the rule {RULE}: {_in_words(settings)}"))

    async def apply() -> None:
        if not is_there:
            await store.ensure_bucket()
        if sets_versioning:
            status = {"Status": str(settings.versioning).capitalize()}
            await store.administer("put_bucket_versioning", VersioningConfiguration=status)
        if sets_rule:
            others = [one for one in rules if one.get("ID") != RULE]
            await store.administer(
                "put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": [*others, own]}
            )

    return Plan(changes, apply=apply)


def own_rule(settings: PrepareSettings) -> Rule:
    """Nothing in it deletes a current object."""
    return {
        "ID": RULE,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": settings.unfinished_upload_days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": settings.noncurrent_days},
    }


def check_rules(bucket: str, rules: Sequence[Mapping[str, Any]]) -> None:
    """Raises BucketWouldExpire with the first rule that would take chunks."""
    for rule in rules:
        expiration = rule.get("Expiration", {})
        when = expiration.get("Days") or expiration.get("Date")
        if rule.get("Status") == "Enabled" and when and _may_meet_chunks(rule):
            what = f"after {when} days" if "Days" in expiration else f"on {when}"
            raise BucketWouldExpire(bucket, str(rule.get("ID", "")), what)


def same_rule(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Servers answer the prefix of all objects in several ways."""
    keys = ("Status", "AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration", "Expiration")
    return all(one.get(key) == other.get(key) for key in keys) and _prefix(one) == _prefix(other)


def _may_meet_chunks(rule: Mapping[str, Any]) -> bool:
    """Chunks have no tags: a rule for a tag does not reach them."""
    where = rule.get("Filter", {})
    if "Tag" in where or where.get("And", {}).get("Tags"):
        return False
    prefix = _prefix(rule)
    return prefix.startswith(_CHUNKS) or _CHUNKS.startswith(prefix)


def _prefix(rule: Mapping[str, Any]) -> str:
    where = rule.get("Filter", {})
    return str(where.get("Prefix") or where.get("And", {}).get("Prefix") or rule.get("Prefix") or "")


async def _is_there(store: ObjectStore) -> bool:
    try:
        await store.administer("head_bucket")
    except ObjectMissing:
        return False
    return True


async def _rules(store: ObjectStore) -> list[Rule]:
    try:
        answer: dict[str, Any] = await store.administer("get_bucket_lifecycle_configuration")
    except StoreRefused as error:
        if error.code != _NO_RULES:
            raise
        return []
    return list(answer.get("Rules", []))


async def _versioning(store: ObjectStore) -> str | None:
    answer: dict[str, Any] = await store.administer("get_bucket_versioning")
    status = answer.get("Status")
    return None if status is None else str(status).lower()


def _in_words(settings: PrepareSettings) -> str:
    return (
        f"abort uploads that are unfinished after {settings.unfinished_upload_days} days, remove versions that are "
        f"noncurrent for {settings.noncurrent_days}"
    )
