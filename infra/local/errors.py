"""The one error of the laptop stage."""

from recsysops.errors import RecSysOpsError


class StageError(RecSysOpsError):
    """The laptop stage cannot do what was asked; the message is one line for a person."""
