"""When what a tracker has written is taken for whole: an hour without a write stands for the end it does not name."""

import time
from typing import Final

QUIET_S: Final = 3600.0


def is_quiet(written_at: float) -> bool:
    """Whether nobody has written for so long. `written_at`: seconds since the epoch."""
    return time.time() - written_at > QUIET_S
