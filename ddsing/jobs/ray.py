"""Jobs on a Ray cluster, by the REST interface of its dashboard; the package ray is not needed here.

A job is a Ray job with our name as its ``submission_id``, so that it can't be submitted twice, and each run of a sweep
is one too. Ray starts a job once and never again: a lost one is submitted anew, under a new name, by whoever looks at
the jobs next. It is stopped by the file in its folder, since Ray's own stop kills after three seconds, in the middle of
a save; Ray's is for force only. The jobs' folder must be on a file system that the nodes share, and so must ddsing.
"""

import json
import re
import shlex
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from ddsing.errors import JobError, SettingsError
from ddsing.jobs.engine import is_loopback
from ddsing.jobs.folder import JobFolder
from ddsing.jobs.remote import RemoteLauncher, Silent, key
from ddsing.jobs.states import ENDED, written_state
from ddsing.jobs.word import CANCELLED, LEAVING, OVER, QUEUED, RUNNING, Word
from ddsing.process import PROJECT, TENSORFLOW, core_variables

TIMEOUT_S = 15.0
MAX_BYTES = 50_000_000  # of an answer
_STATES = {"PENDING": QUEUED, "RUNNING": RUNNING}
_WHYS = {"STOPPED": CANCELLED}


class RayLauncher(RemoteLauncher):
    """Gives jobs to a Ray cluster."""

    title = "Ray"

    def source(self) -> object:
        """See `RemoteLauncher`."""
        return ("ray", self.engine.url)

    def room(self, folder: JobFolder) -> int:
        """See `RemoteLauncher`: Ray has no arrays, and jobs that wait in great numbers may be stuck there."""
        words = [(self.word(task).state, written_state(task.record()) in ENDED) for task in folder.tasks()]
        there = [state in (QUEUED, RUNNING) or (state == LEAVING and not ended) for state, ended in words]
        return self.engine.at_once - sum(there)

    def submit(self, folder: JobFolder, tasks: list[JobFolder]) -> None:
        """See `RemoteLauncher`."""
        for part in tasks or [folder]:
            self._submit(part)

    def _submit(self, part: JobFolder) -> None:
        number = (part.handle() or {}).get("n", 1)
        name = key(part).replace("/", "-") + (f"-{number}" if number > 1 else "")
        asked = {
            "entrypoint": self.entrypoint(part, name),
            "submission_id": name,
            "metadata": {"ddsing": key(part)},
            "entrypoint_num_cpus": self.engine.cpus,
            "entrypoint_num_gpus": self.engine.gpus,
        }
        if self.engine.memory_gb:
            asked["entrypoint_memory"] = round(self.engine.memory_gb * 2**30)
        try:
            self._call("POST", "/api/jobs/", asked)
        except _Refused as error:
            if name not in self._names():  # else it is there already, given by another process
                raise JobError(f"Ray refused the job: {error}. Check the engine's settings.") from None

    def _names(self) -> set[str]:
        """The names of all jobs that Ray knows."""
        return {str(job.get("submission_id")) for job in self._jobs()}

    def _jobs(self) -> list[Mapping[str, Any]]:
        try:
            found = self._call("GET", "/api/jobs/")
        except _Refused as error:
            raise Silent(str(error)) from None
        return [job for job in found if isinstance(job, dict)] if isinstance(found, list) else []

    def entrypoint(self, part: JobFolder, name: str) -> str:
        """The line of shell that Ray runs."""
        cores = dict.fromkeys(core_variables(), str(self.engine.cpus))
        attempt = {"DDSING_JOB_ENGINE": "ray", "DDSING_JOB_HOLDER": name, "DDSING_JOB_ATTEMPT": name}
        settings = (f"{name}={shlex.quote(value)}" for name, value in (TENSORFLOW | cores | attempt).items())
        lines = [
            f"export {' '.join(settings)}",
            f"cd {shlex.quote(str(PROJECT))}",
            *self.engine.setup,
            f"exec {shlex.join(self.program)} {shlex.quote(str(part.path))} >> {shlex.quote(str(part.log))} 2>&1",
        ]
        return "\n".join(lines)

    def ask(self) -> Mapping[str, Word]:
        """See `RemoteLauncher`."""
        words: dict[str, tuple[float, Word]] = {}
        for job in self._jobs():
            metadata = job.get("metadata")
            name = metadata.get("ddsing") if isinstance(metadata, dict) else None
            if isinstance(name, str):
                rank = float(job.get("start_time") or 0)
                if name not in words or rank >= words[name][0]:
                    words[name] = (rank, _word(job))
        return {name: word for name, (_, word) in words.items()}

    def ask_to_stop(self, words: Sequence[Word]) -> None:
        """See `RemoteLauncher`: the file in the folder is enough."""

    def cancel(self, words: Sequence[Word], *, kill: bool = False) -> None:
        """See `RemoteLauncher`."""
        for word in words:
            try:
                self._call("POST", f"/api/jobs/{quote(word.id, safe='')}/stop", {})
            except _Refused as error:
                raise Silent(str(error)) from None

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What the interface answers; raises `Silent` if it does not, `_Refused` with what it says for an error."""
        try:
            token = self.engine.token
        except SettingsError as error:
            raise Silent(str(error).rstrip(".")) from None
        request = urllib.request.Request(
            self.engine.url.rstrip("/") + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {}),
        )
        try:
            with self._opener().open(request, timeout=TIMEOUT_S) as response:
                content = response.read(MAX_BYTES)
            return json.loads(content) if content.strip() else None
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode("utf-8", errors="replace").strip()
            if error.code in (401, 403):
                raise Silent("it refused the token; check token_file or DDSING_RAY_TOKEN") from None
            raise _Refused(_reason(said) or f"status {error.code}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise Silent(str(getattr(reason, "strerror", None) or reason)[:200]) from None

    def _opener(self) -> urllib.request.OpenerDirector:
        """One that takes the token nowhere else, and that asks no proxy for this computer itself."""
        handlers: list[urllib.request.BaseHandler] = [_Straight()]
        if is_loopback(urlsplit(self.engine.url).hostname or ""):
            handlers.append(urllib.request.ProxyHandler({}))
        return urllib.request.build_opener(*handlers)


class _Refused(Exception):
    """An error that the interface has answered."""


class _Straight(urllib.request.HTTPRedirectHandler):
    """Follows no redirection."""

    def redirect_request(self, *arguments: Any) -> None:
        return None


def _reason(said: str) -> str:
    """The error at the end of a traceback, which is what Ray answers; else the beginning of what it says."""
    errors = re.findall(r"(?m)^[\w.]*(?:Error|Exception): (.+)$", said)
    return (errors[-1] if errors else said.partition("\n")[0])[:300].rstrip(". ")


def _word(job: Mapping[str, Any]) -> Word:
    status, ended_ms = str(job.get("status") or ""), job.get("end_time")
    state = _STATES.get(status, OVER)
    since = ended_ms / 1000.0 if isinstance(ended_ms, int | float) and state == OVER else None
    started_ms = job.get("start_time")
    order = int(started_ms) if isinstance(started_ms, int | float) else 0
    said = status if state == OVER else ""
    id = str(job.get("submission_id") or job.get("job_id") or "")
    return Word(state, RayLauncher.title, why=_WHYS.get(status, ""), said=said, since=since, id=id, order=order)
