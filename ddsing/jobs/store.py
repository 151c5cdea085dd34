"""Starting, listing, stopping and resuming jobs."""

import builtins
import contextlib
import errno
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ddsing.errors import DdsingError, DiskFull, JobError
from ddsing.files import existing, listed, trash
from ddsing.jobs import launchers, queue, shared
from ddsing.jobs.cluster import FORCED, KEPT, Cluster, end
from ddsing.jobs.folder import GATE_TIMEOUT_S, JobFolder
from ddsing.jobs.guard import Free, Guard
from ddsing.jobs.kinds import KINDS
from ddsing.jobs.launcher import Launcher
from ddsing.jobs.order import Order
from ddsing.jobs.signalling import kill, terminate
from ddsing.jobs.states import ENDED, written_state
from ddsing.jobs.status import JobStatus, ended, glance, read
from ddsing.units import format_bytes
from ddsing.workspace import Workspace

NEEDS_BYTES = 500_000_000  # of a job whose spec does not say


class JobStore:
    """The jobs of a workspace. Any number of them, in any process, see the same: the files say how a job stands."""

    def __init__(
        self,
        workspace: Workspace,
        *,
        launcher: Launcher | None = None,
        kinds: Mapping[str, str] = KINDS,
        owner: str = "",
        guard: Guard | None = None,
    ) -> None:
        self.workspace = workspace
        self.kinds = kinds
        self.owner = owner  # by whom turns on devices are taken, where several people share them
        self._guard = guard or Free()
        self._launcher = launcher
        self.cluster = Cluster(workspace, lambda: self.launcher)

    @property
    def launcher(self) -> Launcher:
        """Where new jobs run; raises `SettingsError` where the workspace's engine settings have a mistake."""
        if self._launcher is None:
            self._launcher = launchers.of(self.workspace.root)
        return self._launcher

    @launcher.setter
    def launcher(self, launcher: Launcher) -> None:
        self._launcher = launcher

    def submit(self, order: Order) -> JobStatus:
        """Start a job, or find the live one with the same `key`: a click that arrives twice starts one.

        Raises
        ------
        DdsingError
            If the store's guard does not admit it.
        DiskFull
            With the numbers, if less is free than the order needs.
        JobError
            If it can't be started.
        """
        if order.kind not in self.kinds:
            raise JobError(f"Unknown kind of job {order.kind!r}; available: {', '.join(sorted(self.kinds))}.")
        self.launcher  # noqa: B018  a mistake in the engine's settings is said before anything is written
        with self._one_at_a_time():
            live = [status for status in self._found() if status.live]
            twin = next((status for status in live if status.key == order.key), None)
            if twin is not None:
                return twin
            self._guard.admit(order.title, max(0, order.needs_bytes - order.spare_bytes), order.device, live)
            self._require_room(order.title, order.needs_bytes)
            now_s = time.time()
            spec = order.spec() | {"created": now_s}
            with _disk_errors(order.title):
                folder = self._claim(f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now_s))}-{order.kind}")
            try:
                with _disk_errors(order.title):
                    folder.create(spec)
                    self._order(folder, spec, {})
                self._guard.starts(folder.path)
            except DdsingError:
                shutil.rmtree(folder.path, ignore_errors=True)
                raise
        return self._launch(folder)

    def _claim(self, stem: str) -> JobFolder:
        """A folder under a name that no other job has."""
        while True:
            path = self.workspace.jobs / f"{stem}-{uuid.uuid4().hex[:6]}"
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=0o700)
                return JobFolder(path)

    def list(self) -> builtins.list[JobStatus]:
        """All jobs, the newest first, without `log_tail` and `result`."""
        looked = [(folder, ended(folder)) for folder in self._folders()]
        for folder, known in looked:
            if known is None:
                self.cluster.tend(folder, self._one_at_a_time)
        return self._found(looked)

    def _found(
        self, looked: builtins.list[tuple[JobFolder, JobStatus | None]] | None = None
    ) -> builtins.list[JobStatus]:
        """See `list`; only looks, and not again at those that had ended."""
        looked = [(folder, None) for folder in self._folders()] if looked is None else looked
        found = _with_ahead([known or glance(folder, ask=self.cluster.word) for folder, known in looked])
        return sorted(found, key=lambda status: (status.created, status.id), reverse=True)

    def _folders(self) -> builtins.list[JobFolder]:
        return [JobFolder(path) for path in listed(self.workspace.jobs) if path.is_dir()]

    def _read(self, folder: JobFolder) -> JobStatus:
        """One job, wholly."""
        status = read(folder, whole=True, ask=self.cluster.word)
        if status.engine and status.state == "waiting":
            return next((replace(status, ahead=one.ahead) for one in self._found() if one.id == status.id), status)
        return status

    def live(self) -> builtins.list[JobStatus]:
        """Those that run, or are going to by themselves; the newest first."""
        return [status for status in self.list() if status.live]

    def status(self, id: str) -> JobStatus:
        """One job, wholly; raises `JobError` if there is none of that id."""
        folder = self._folder(id)
        self.cluster.tend(folder, self._one_at_a_time)
        return self._read(folder)

    def stop(self, id: str, *, force: bool = False) -> JobStatus:
        """Ask it to finish its step, save and end; `force` kills it, which costs what it has not saved.

        Returns at once, unless forced: the job is ``stopping`` until it has ended.
        """
        folder = self._folder(id)
        if read(folder, ask=self.cluster.word).live:
            try:
                folder.stop.touch()
            except OSError:  # not even room for an empty file
                terminate(folder)
            if folder.handle() is not None:
                self.cluster.stop(folder, force=force)
            elif force and kill(folder):
                self._end(folder, "stopped", FORCED)
        return self._read(folder)

    def resume(self, id: str) -> JobStatus:
        """Start an ended job again, in its folder, as it was asked for; a live or done one is returned as it is.

        Raises `JobError` if another job does the same thing now, `DiskFull` if there is no room, and what the store's
        guard raises.
        """
        folder = self._folder(id)
        with self._one_at_a_time():
            status, spec = read(folder, ask=self.cluster.word), folder.spec()
            if not status.resumable:
                return self._read(folder)
            if spec is None:
                raise JobError(f"The job {id!r} can't be resumed: its settings are unreadable.")
            live = [other for other in self._found() if other.live]
            for other in live:
                if other.key == status.key:
                    raise JobError(f"{other.title!r} is already doing this, as job {other.id}.")
            self._guard.admit(status.title, 0, status.device, live)  # what it writes, it has mostly written
            self._require_room(status.title, spec.get("needs_bytes"))
            lock = folder.take(timeout_s=GATE_TIMEOUT_S) if folder.handle() is None else contextlib.nullcontext()
            if lock is None:  # it is still on its way out, or back
                return read(folder, whole=True)
            with lock, _disk_errors(status.title):
                folder.stop.unlink(missing_ok=True)
                self._order(folder, spec, folder.record() or {})
                self._guard.starts(folder.path)
        return self._launch(folder)

    def delete(self, id: str) -> str:
        """Move an ended job to the trash; returns where it is now, for `files.restore`."""
        folder = self._folder(id)
        with self._one_at_a_time():
            status = read(folder, ask=self.cluster.word)
            if status.live:
                raise JobError(f"{status.title!r} is {status.state}. Stop it first.")
            if status.device:
                queue.leave(status.device, folder.path)
            return str(trash(folder.path))

    def _folder(self, id: str) -> JobFolder:
        path = existing(self.workspace.jobs, id)
        if path is None or not path.is_dir():
            raise JobError(f"No job {id[:80]!r}; `jobs list` shows all jobs.")
        return JobFolder(path)

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Orders are given one after the other, whoever gives them."""
        with _disk_errors("The job"):
            self.workspace.jobs.mkdir(exist_ok=True)
        with contextlib.ExitStack() as held:
            with _disk_errors("The job"):
                held.enter_context(shared.gate(self.workspace.jobs / ".gate"))
            yield

    def _require_room(self, title: str, needs_bytes: object) -> None:
        wanted = needs_bytes if isinstance(needs_bytes, int | float) else NEEDS_BYTES
        free = shutil.disk_usage(self.workspace.root).free
        if free < wanted:
            raise DiskFull(
                f"{title!r} needs about {format_bytes(wanted)} of disk, but only {format_bytes(free)} are free "
                f"on the workspace's disk. Free some space, or use a workspace on another disk."
            )

    def _order(self, folder: JobFolder, spec: Mapping[str, Any], before: Mapping[str, Any]) -> None:
        """Write that a process should start, and queue it; whoever calls keeps others from doing the same."""
        record = {name: before[name] for name in KEPT if name in before} | {"state": "starting", "ordered": time.time()}
        remote = self.cluster.launcher_of(folder)
        if remote is not None:
            self.cluster.order(folder, spec, record, remote)
            return
        folder.write_record(record)
        if spec.get("device"):
            queue.join(spec["device"], folder.path, title=spec["title"], owner=self.owner)

    def _launch(self, folder: JobFolder) -> JobStatus:
        try:
            (self.cluster.launcher_of(folder) or self.launcher).start(folder.path)
        except OSError as error:
            self._end(folder, "failed", f"Its process could not be started: {error.strerror or error}.")
        except JobError as error:  # an engine has refused it
            for part in (*folder.tasks(), folder):
                end(part, "failed", str(error))
        return self._read(folder)

    def _end(self, folder: JobFolder, state: str, message: str) -> None:
        """Write an end that the job's process can't write, being dead."""
        lock = folder.take(timeout_s=GATE_TIMEOUT_S)
        if lock is None:
            return
        with lock, contextlib.suppress(OSError):
            record = folder.record() or {}
            if written_state(record) not in ENDED:
                folder.write_record(record | {"state": state, "message": message, "ended": time.time()})


@contextlib.contextmanager
def _disk_errors(title: str) -> Iterator[None]:
    """What the disk refuses, in a sentence."""
    try:
        yield
    except OSError as error:
        kind = DiskFull if error.errno in (errno.ENOSPC, errno.EDQUOT) else JobError
        raise kind(f"{title!r} can't be started: {error.strerror or error}.") from None


def _with_ahead(found: list[JobStatus]) -> list[JobStatus]:
    """The same, those in an engine's queue with the titles of the jobs of this workspace that come first."""

    def ahead(status: JobStatus) -> tuple[str, ...]:
        others = [other for other in found if other.engine == status.engine and other.id != status.id]
        running = [other for other in others if other.state in ("running", "stopping")]
        waiting = [other for other in others if other.state == "waiting" and other.order < status.order]
        return tuple(other.title for other in (*running, *sorted(waiting, key=lambda other: other.order)))

    return [
        replace(status, ahead=ahead(status)) if status.engine and status.state == "waiting" else status
        for status in found
    ]
