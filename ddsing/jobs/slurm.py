"""Jobs on a Slurm cluster: ``sbatch``, ``squeue``, ``sacct``, ``scancel``, and nothing else.

A job is a batch job of the same name; a sweep's runs are the tasks of a job array. Some time before the limit, and when
it has to make way for another, the script asks the job's process to save, and puts itself into the queue again: by
``scontrol requeue``, or where the nodes lack that, by a follow-up job. What a lost node was running, Slurm requeues
itself. The jobs' folder must be on a file system that the nodes share, and so must ddsing and its Python.
"""

import os
import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ddsing.errors import JobError
from ddsing.files import write_atomic
from ddsing.jobs.attempt import INTERRUPTED
from ddsing.jobs.folder import TASKS, JobFolder
from ddsing.jobs.remote import RemoteLauncher, Silent
from ddsing.jobs.word import CANCELLED, MEMORY, OVER, QUEUED, RUNNING, Word
from ddsing.process import PROJECT, TENSORFLOW, core_variables, environment

TIMEOUT_S = 30.0  # for a command of Slurm's, which tries for nine seconds to reach a controller that is down
SCRIPT = "slurm.sh"
_EXPORTED = ("HOME", "USER", "LOGNAME", "PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "SLURM_CONF")
_QUEUED = frozenset(
    ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT", "SUSPENDED")
)
_RUNNING = frozenset(("RUNNING", "COMPLETING", "SIGNALING", "STAGE_OUT", "RESIZING", "STOPPED"))
_WHYS = {"CANCELLED": CANCELLED, "OUT_OF_MEMORY": MEMORY}
_COLUMNS = "%i|%j|%T|%r|%S|%e|%K"
_SILENT = ("unable to contact", "connect failure", "socket timed out", "connection refused", "zero bytes", "try again")

_TEMPLATE = """#!/bin/bash
# One attempt of a job of ddsing. It is asked to save some time before its limit, and continues as another attempt.
folder={folder}
[ -z "$SLURM_ARRAY_TASK_ID" ] || folder="$folder/{tasks}/$SLURM_ARRAY_TASK_ID"
export DDSING_JOB_ENGINE=slurm DDSING_JOB_HOLDER="$SLURM_JOB_ID"
export DDSING_JOB_ATTEMPT="$SLURM_JOB_ID.${{SLURM_RESTART_COUNT:-0}}"
export DDSING_JOB_INTERRUPT="$folder/interrupt-$DDSING_JOB_ATTEMPT"
export {settings}
again=
trap 'again=yes; touch "$DDSING_JOB_INTERRUPT"' USR1
trap 'touch "$DDSING_JOB_INTERRUPT"' TERM  # whoever ends it decides whether it is started again
{setup}
( trap '' USR1 TERM; exec {program} "$folder" ) &
child=$!
while :; do
  wait "$child"
  status=$?
  kill -0 "$child" 2>/dev/null || break
done
rm -f "$DDSING_JOB_INTERRUPT"
if [ "$status$again" = {interrupted}yes ]; then
  scontrol requeue "${{SLURM_ARRAY_JOB_ID:+${{SLURM_ARRAY_JOB_ID}}_}}${{SLURM_ARRAY_TASK_ID:-$SLURM_JOB_ID}}" ||
    {sbatch} --dependency=afterany:"$SLURM_JOB_ID" ${{SLURM_ARRAY_TASK_ID:+--array=$SLURM_ARRAY_TASK_ID}} {script}
fi
exit "$status"
"""


class SlurmLauncher(RemoteLauncher):
    """Gives jobs to the Slurm cluster that this computer belongs to."""

    title = "Slurm"

    def source(self) -> object:
        """See `RemoteLauncher`."""
        return ("slurm", os.environ.get("SLURM_CONF", ""))

    def submit(self, folder: JobFolder, tasks: list[JobFolder]) -> None:
        """See `RemoteLauncher`."""
        numbers, script = [task.id for task in tasks], folder.path / SCRIPT
        write_atomic(script, self.script(folder, script, bool(numbers)).encode("utf-8", "surrogateescape"))
        array = [f"--array={','.join(numbers)}%{self.engine.at_once}"] if numbers else []
        _run([*self._sbatch(folder, bool(numbers)), "--parsable", *array, str(script)], refusable=True)

    def script(self, folder: JobFolder, path: object, in_tasks: bool) -> str:
        """The batch script."""
        cores = dict.fromkeys(core_variables(), str(self.engine.cpus))
        settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in (TENSORFLOW | cores).items())
        return _TEMPLATE.format(
            folder=shlex.quote(str(folder.path)),
            tasks=TASKS,
            settings=settings,
            setup="\n".join(self.engine.setup),
            program=shlex.join(self.program),
            interrupted=INTERRUPTED,
            sbatch=shlex.join(self._sbatch(folder, in_tasks)),
            script=shlex.quote(str(path)),
        )

    def _sbatch(self, folder: JobFolder, in_tasks: bool) -> list[str]:
        """The command with all options, but for which tasks and what script."""
        engine = self.engine
        log = _escaped(folder.path) + (f"/{TASKS}/%a/log.txt" if in_tasks else "/log.txt")
        asked = {
            "job-name": folder.id,
            "comment": "ddsing",
            "output": log,
            "open-mode": "append",
            "chdir": str(PROJECT),
            "nodes": "1",
            "ntasks": "1",
            "cpus-per-task": str(engine.cpus),
            "time": engine.time,
            "signal": f"B:USR1@{engine.signal_s}",
            "export": ",".join(name for name in _EXPORTED if name in os.environ),
            "mem": f"{round(engine.memory_gb * 1024)}M" if engine.memory_gb else "",
            "gres": engine.gres or (f"gpu:{engine.gpus}" if engine.gpus else ""),
            "partition": engine.partition,
            "account": engine.account,
            "qos": engine.qos,
            "constraint": engine.constraint,
        }
        return [
            "sbatch",
            "--requeue",
            *(f"--{name}={value}" for name, value in asked.items() if value),
            *engine.options,
        ]

    def ask(self) -> Mapping[str, Word]:
        """See `RemoteLauncher`."""
        user = ["--user", str(os.getuid())] if hasattr(os, "getuid") else ["--me"]
        lines = _run(["squeue", "--noheader", "--array", "--states=all", *user, "--format", _COLUMNS]).splitlines()
        words: dict[str, Word] = {}
        for number, line in enumerate(lines):
            columns = line.strip().split("|")
            if len(columns) == _COLUMNS.count("|") + 1:
                name, word = _word(columns, number)
                if _precedence(word) >= _precedence(words.get(name)):
                    words[name] = word
        return words

    def ended(self, folder: JobFolder, word: Word) -> Word:
        """See `RemoteLauncher`; nothing more where the cluster keeps no accounts."""
        whole = folder.whole
        since = time.localtime(max(0.0, (folder.handle() or {}).get("submitted", 0.0) - 60.0))
        columns = ["--noheader", "--parsable2", "--allocations", "--format=JobID,State"]
        try:
            said = _run(
                ["sacct", *columns, f"--name={whole.id}", time.strftime("--starttime=%Y-%m-%dT%H:%M:%S", since)]
            )
        except Silent:
            return word
        task = "" if whole is folder else f"_{folder.id}"
        states = [state for id, _, state in (line.partition("|") for line in said.splitlines()) if id.endswith(task)]
        state = (states or [""])[-1].partition(" ")[0]
        return replace(word, said=state, why=_WHYS.get(state, ""))

    def ask_to_stop(self, words: Sequence[Word]) -> None:
        """See `RemoteLauncher`."""
        _run(["scancel", "--batch", "--signal=USR1", *(word.id for word in words)])

    def cancel(self, words: Sequence[Word], *, kill: bool = False) -> None:
        """See `RemoteLauncher`."""
        ids = [word.id for word in words]
        if kill:
            _run(["scancel", "--full", "--signal=KILL", *ids])
        _run(["scancel", *ids])


def _word(columns: list[str], number: int) -> tuple[str, Word]:
    """A line of ``squeue``: the job's key, and the word about it."""
    id, name, state, reason, starts, ended, task = columns
    key = name if task == "N/A" else f"{name}/{task}"
    word = Word(RUNNING, SlurmLauncher.title, id=id, order=number)
    if state in _RUNNING:
        return key, word
    if state in _QUEUED:
        return key, replace(word, state=QUEUED, said="" if reason == "None" else reason, starts=_time(starts))
    return key, replace(word, state=OVER, why=_WHYS.get(state, ""), said=state, since=_time(ended))


def _precedence(word: Word | None) -> tuple[int, int]:
    """Of several jobs of one name, one that lives counts, and of those that are over the last."""
    if word is None:
        return (-1, -1)
    return ((OVER, QUEUED, RUNNING).index(word.state), int(word.id.partition("_")[0]) if word.state == OVER else 0)


def _time(text: str) -> float | None:
    try:
        return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
    except ValueError:  # N/A, Unknown
        return None


def _escaped(path: object) -> str:
    """A path as a pattern of a file's name, in which % has a meaning."""
    return str(path).replace("\\", "\\\\").replace("%", "%%")


def _run(command: list[str], *, refusable: bool = False) -> str:
    """What a command of Slurm's prints; raises `Silent` if the controller does not answer, `JobError` for a refusal."""
    ours = {name: value for name, value in environment().items() if _passed_on(name)}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            env=ours | {"SLURM_TIME_FORMAT": "standard"},
        )
    except FileNotFoundError:
        raise Silent(f"the command {command[0]} is not on this computer") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Silent(getattr(error, "strerror", None) or f"{command[0]} took too long") from None
    said = done.stderr.strip().splitlines()
    if done.returncode == 0:
        return done.stdout
    text = said[-1].removeprefix(f"{command[0]}: error: ").strip() if said else f"status {done.returncode}"
    if any(words in done.stderr.lower() for words in _SILENT) or not refusable:
        raise Silent(text)
    raise JobError(f"Slurm refused the job: {text.rstrip('.')}. Check the engine's settings.")


def _passed_on(name: str) -> bool:
    """Not what a job that this process may itself be a part of has set."""
    return name == "SLURM_CONF" or not name.startswith("SLURM_")
