"""What a job's function sees of its job."""

from typing import Any


class JobContext:
    """Reports progress and knows when to stop. All methods are cheap, and any thread may call them."""

    def report(self, **fields: Any) -> None:
        """Tell how far it is: any of ``stage, step, steps, loss, steps_per_s, eta_s, fraction, message, extra``.

        What is not named stays as it was. Written a few times a second by a thread of its own; never raises for a full disk.
        """
        raise NotImplementedError

    def progress(self, stage: str, fraction: float) -> None:
        """`report` as a progress callback: raises `Cancelled` once the job should stop."""
        raise NotImplementedError

    def should_stop(self) -> bool:
        """Whether it was asked to finish its step, save and return."""
        raise NotImplementedError
