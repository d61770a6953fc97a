"""What a Client raises beside what reads do. All MldashError.

NeedsApi       local folders can't answer this
NoSuchFolder   (a FileNotFoundError) there is no such folder of runs
LiveEnded      the API has ended a live stream, and coming back would be no use
FileInTheWay   an export would take the place of what is there
"""

from functools import partial
from pathlib import Path

from mldash.errors import MldashError


class NeedsApi(MldashError):
    """`asked` is what local folders can't answer; `root` is the folder."""

    def __init__(self, asked: str, root: str) -> None:
        super().__init__(asked, root)
        self.asked, self.root = asked, root

    def __str__(self) -> str:
        return f"{self.asked} needs an API, not the folder {self.root}: use Client('http://…'), or set MLDASH_REMOTE"


class NoSuchFolder(MldashError, FileNotFoundError):
    """`root` is no folder."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.root = root

    def __str__(self) -> str:
        return f"there is no folder {self.root}: name one that holds runs, or an API's address (http://…)"


class LiveEnded(MldashError):
    """`reason` is what the API said (docs/http.md, Live)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        advice = {
            "too-many-streams": "listen to fewer metrics, tracks or runs by one stream",
            "too-many-experiments": "listen to a project, or to prefixes",
        }.get(self.reason, "docs/http.md says what it means")
        return f"the API has ended the live stream ({self.reason}): {advice}"


class FileInTheWay(MldashError):
    """`path` is there already. `may_be_replaced`: it is a plain file, of before this export."""

    def __init__(self, path: Path, *, may_be_replaced: bool) -> None:
        super().__init__(path, may_be_replaced)
        self.path, self.may_be_replaced = path, may_be_replaced

    def __reduce__(self) -> tuple[object, ...]:
        return partial(FileInTheWay, may_be_replaced=self.may_be_replaced), (self.path,)

    def __str__(self) -> str:
        advice = "--force replaces it" if self.may_be_replaced else "say another place"
        return f"{self.path} is there already: {advice}"
