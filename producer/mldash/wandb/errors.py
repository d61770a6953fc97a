"""The errors of wandb's names that scripts catch.

Error
  CommError       what only wandb's servers have was asked for
  UsageError      a call on a run that has ended, or arguments that contradict each other
  ConfigError     a value of the config would change
"""

from mldash.errors import MldashError


class Error(MldashError):
    """All of wandb's. `told`: the sentence."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told

    def __str__(self) -> str:
        return self.told


class CommError(Error):
    """What only wandb's servers have: `told` names our way to the same."""


class UsageError(Error):
    """The run has ended, or arguments contradict each other."""


class ConfigError(Error):
    """`key` of the config has the value `old`, and `new` was set without `allow_val_change`."""

    def __init__(self, key: str, old: object, new: object) -> None:
        super().__init__(f"{key!r} of the config is {old!r:.80}: to make it {new!r:.80} pass allow_val_change=True")
        self.args = (key, old, new)
        self.key, self.old, self.new = key, old, new
