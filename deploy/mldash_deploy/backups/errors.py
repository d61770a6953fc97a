"""The errors of backups. Each is told as its one line; what was begun has been taken back by then.

BackupError
  NotEmpty          the folder, database or bucket that was to be filled holds something
  NotABackup        no backup.json, or one of a newer version
  BackupDamaged     a file of the backup is not what was written: which, and where in it
  MomentGone        MongoDB does not keep the moment that was to be read
  HoldLost          the objects were not held to the end
  ObjectLacking     the manifest names an object that is not in the bucket, or not of that size
  RestoredDiffers   a collection that was restored is not what the backup holds
"""

from __future__ import annotations


class BackupError(Exception):
    """All of ours."""


class NotEmpty(BackupError):
    """Nothing is overwritten."""

    def __init__(self, what: str, holds: str) -> None:
        super().__init__(what, holds)
        self.what, self.holds = what, holds

    def __str__(self) -> str:
        return f"{self.what} is not empty, it holds {self.holds}: nothing was changed; name an empty one"


class NotABackup(BackupError):
    """The folder can't be read as a backup."""

    def __init__(self, folder: str, reason: str) -> None:
        super().__init__(folder, reason)
        self.folder, self.reason = folder, reason

    def __str__(self) -> str:
        return f"{self.folder} is not a backup that can be restored: {self.reason}"


class BackupDamaged(BackupError):
    """`path` within the folder."""

    def __init__(self, path: str, place: str) -> None:
        super().__init__(path, place)
        self.path, self.place = path, place

    def __str__(self) -> str:
        return f"the backup is damaged, nothing was restored: {self.path}: {self.place}"


class MomentGone(BackupError):
    """MongoDB answers that the past can't be read, or may not be kept for longer."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason, advice)
        self.reason, self.advice = reason, advice

    def __str__(self) -> str:
        return f"MongoDB does not keep the moment of the backup: {self.reason}; {self.advice}"


class HoldLost(BackupError):
    """For so long MongoDB did not answer."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return (
            f"the hold on the objects could not be renewed for {self.seconds:g} s, and some may have been deleted "
            "meanwhile: take the backup again"
        )


class ObjectLacking(BackupError):
    """By its key."""

    def __init__(self, key: str, why: str, count: int) -> None:
        super().__init__(key, why, count)
        self.key, self.why, self.count = key, why, count

    def __str__(self) -> str:
        others = f" (and {self.count - 1} others)" if self.count > 1 else ""
        return f"the manifest names the object {self.key}{others}, and {self.why}: bring it back from S3's versions"


class RestoredDiffers(BackupError):
    """Somebody else wrote into the database meanwhile, or the server does not store what it is given."""

    def __init__(self, collection: str, place: str) -> None:
        super().__init__(collection, place)
        self.collection, self.place = collection, place

    def __str__(self) -> str:
        return (
            f"the restored collection {self.collection} is not what the backup holds ({self.place}); what was restored "
            "has been removed again. Does a worker, a compactor or an API run on this database?"
        )
