"""One attempt of a job on an engine, as its own process sees it.

An engine may start a job again whenever it has lost a node, and may do so while the process there still runs. So each
attempt claims its folder: for every order to start, the first of the engine's jobs that comes has the claim for good,
and of its attempts the latest. One that has been replaced ends at once, and publishes nothing more.

The engine's script puts into the environment: ``DDSING_JOB_ENGINE``, its kind; ``DDSING_JOB_HOLDER``, the engine's own
name of the job; ``DDSING_JOB_ATTEMPT``, a name of this attempt; ``DDSING_JOB_INTERRUPT``, a file that appears when the
attempt should save and end, so that the next one continues.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from ddsing.files import write_atomic
from ddsing.jobs.folder import JobFolder

INTERRUPTED = 85  # the exit status of an attempt that saved, and that another one should continue


@dataclass(frozen=True)
class Attempt:
    """One attempt; see the module."""

    engine: str
    holder: str
    name: str
    interrupt: Path | None = None

    def claim(self, folder: JobFolder, ordered: object) -> bool:
        """Be the attempt that counts, from now on; False where another job of the engine has this order."""
        path = folder.path / f"claim-{ordered}"
        with contextlib.suppress(FileExistsError):
            write_atomic(path, self.holder.encode(), new=True)
        if path.read_text("utf-8") != self.holder:
            return False
        write_atomic(folder.path / "attempt", self.name.encode())
        return True

    def counts(self, folder: JobFolder) -> bool:
        """Whether no later one has claimed the folder; True where that can't be read."""
        try:
            return (folder.path / "attempt").read_text("utf-8") == self.name
        except OSError:
            return True

    def interrupted(self) -> bool:
        """Whether the engine wants it to save and end."""
        return self.interrupt is not None and self.interrupt.exists()


def current() -> Attempt | None:
    """That of this process; None where no engine started it."""
    engine, holder, name, interrupt = (
        os.environ.get(f"DDSING_JOB_{part}", "") for part in ("ENGINE", "HOLDER", "ATTEMPT", "INTERRUPT")
    )
    if not engine or not holder or not name:
        return None
    return Attempt(engine, holder, name, Path(interrupt) if interrupt else None)
