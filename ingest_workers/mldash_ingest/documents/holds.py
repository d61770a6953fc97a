"""Holds on objects: whoever copies what the manifest named at one moment keeps these objects there meanwhile.

  holds   {_id: "objects", holders: [{id: 16 random bytes, until}]}: no object is deleted while an `until` is to come

Who deletes objects asks after it has found them no longer named, and by a linearizable read. So nothing is lost between
the two: of an object that was given up before the hold stood, the holder's moment, which comes later, names nothing;
one that is given up after that is found held. A holder renews; one that dies is forgotten when its time is over.
"""

from time import time
from typing import Final

from .mongo import Mongo

_ID: Final = "objects"


async def place_hold(mongo: Mongo, holder: bytes, seconds: float) -> None:
    """From when this returns until it ends, is released or is renewed, no object is deleted."""
    now = time()
    await mongo.holds.update_one({"_id": _ID}, {"$pull": {"holders": {"until": {"$lt": now}}}})
    added = {"$push": {"holders": {"id": holder, "until": now + seconds}}}
    await mongo.holds.update_one({"_id": _ID}, added, upsert=True)


async def renew_hold(mongo: Mongo, holder: bytes, seconds: float) -> bool:
    """False: it had ended, and objects may have been deleted since."""
    now = time()
    mine = {"_id": _ID, "holders": {"$elemMatch": {"id": holder, "until": {"$gt": now}}}}
    done = await mongo.holds.update_one(mine, {"$set": {"holders.$.until": now + seconds}})
    return done.matched_count == 1


async def release_hold(mongo: Mongo, holder: bytes) -> None:
    await mongo.holds.update_one({"_id": _ID}, {"$pull": {"holders": {"id": holder}}})
    await mongo.holds.delete_one({"_id": _ID, "holders": []})


async def objects_are_held(mongo: Mongo) -> bool:
    """As it truly is now."""
    document = await mongo.find_linearizable(mongo.holds, _ID)
    now = time()
    return any(one["until"] > now for one in (document or {}).get("holders", ()))
