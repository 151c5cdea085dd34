"""What is asked of a job store: one order per job, the same whoever gives it.

Each domain makes its own in ``<domain>/job.py: order(...)``, which pages and command line share, so that a job never
depends on where it was started.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ddsing.errors import JobError
from ddsing.jobs.folder import plain

SPARE_BYTES = 200_000_000  # of disk, beside what a job is known to write: for its log, and for others meanwhile
_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DEVICE = re.compile(r"[a-z0-9:,]{1,40}")


@dataclass(frozen=True)
class Order:
    """A job to be started; raises `JobError` for one that no store could keep.

    Attributes
    ----------
    kind : str
        One of `ddsing.jobs.kinds.KINDS`.
    title : str
        For people: ``Train Aria``.
    options : Mapping
        What the kind's function gets; JSON. ``voice`` names the voice, if there is one.
    key : str
        The same for what must not run twice at a time: ``train:Aria``.
    needs_bytes : int
        Free disk that it will want.
    spare_bytes : int
        How much of it is only to stay free, and is not written.
    device : str | None
        The device whose queue it joins, see `ddsing.jobs.device.name`; None if it needs none for itself.
    """

    kind: str
    title: str
    options: Mapping[str, Any]
    key: str
    needs_bytes: int
    device: str | None = None
    spare_bytes: int = 0

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise JobError(f"A kind of job is a lower-case word, such as train; not {self.kind[:40]!r}.")
        if not self.title.strip() or not self.key.strip():
            raise JobError(f"A job of the kind {self.kind!r} needs a title, and a unique key.")
        if self.needs_bytes < 0:
            raise JobError(f"{self.title!r} can't need {self.needs_bytes} bytes of disk; use 0 or more.")
        if self.device is not None:
            require_device(self.device)
        try:
            json.dumps(dict(self.options), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise JobError(f"The options of {self.title!r} can't be saved: {error}.") from None

    def spec(self) -> dict[str, Any]:
        """``spec.json``, but for when it was created."""
        return plain({name: value for name, value in asdict(self).items() if name != "spare_bytes"})


def require_device(name: str) -> str:
    """The name, if a device may be called so; raises `JobError`."""
    if not _DEVICE.fullmatch(name):
        raise JobError(f"Unknown device {name!r}; devices are cpu, gpu:0, gpu:1 and so on.")
    return name
