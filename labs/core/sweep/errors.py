"""What can go wrong with a sweep, as exceptions that say what to do."""


class SweepError(RuntimeError):
    """A sweep cannot go on: the message says why, and what to change."""


class StoreError(SweepError):
    """The folder of results cannot be read or written."""
