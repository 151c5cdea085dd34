"""A job's function called in a test's own process: as much of a job as it sees."""


class Job:
    """Keeps what was reported last, and never stops."""

    def report(self, **fields) -> None:
        self.fields = fields

    def should_stop(self) -> bool:
        return False
