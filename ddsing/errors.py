"""What can go wrong through the user's input, one class per kind.

Every message is one sentence or two for a person: what was received, what the limit is, what would work.
Anything that is not a `DdsingError` is a bug of ours.
"""


class DdsingError(Exception):
    """Base of all errors whose message is meant for the user."""


class AudioError(DdsingError):
    """A recording that can't be read, or is longer or larger than the limits."""


class InstrumentError(DdsingError):
    """An instrument that can't be read, written, or found."""


class ConversionError(InstrumentError):
    """An instrument's conversion that did not come to its end: it met a limit of time, memory or disk."""


class SettingsError(DdsingError):
    """A setting outside its range."""


class WorkspaceError(DdsingError):
    """A workspace folder that can't be used."""


class FeaturesError(DdsingError):
    """Features that can't be computed from a recording."""


class ScoreError(DdsingError):
    """A score that can't be read, or can't be sung as it was asked to."""


class TakeError(DdsingError):
    """A take that can't be found, read or changed."""


class Cancelled(DdsingError):
    """The user stopped the work; raised by a progress callback and passed through by whatever called it."""


class DatasetError(DdsingError):
    """A voice or a dataset that can't be found, prepared or read."""


class OutputError(DdsingError):
    """A file or folder that can't be written where a command was told to write it."""


class JobError(DdsingError):
    """A job that can't be found, started, resumed or deleted."""


class ProcessError(DdsingError):
    """A process of ours that was ended from outside before its work was done."""


class DiskFull(DdsingError):
    """No room on the disk; a job that meets it pauses, and goes on once there is room again."""


class Diverged(DdsingError):
    """A training whose loss is no number any more."""


class TrainingError(DdsingError):
    """A training that can't begin or go on as it was asked to, or a checkpoint that can't be used."""
