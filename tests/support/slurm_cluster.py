"""A real Slurm of two one-core nodes on 127.0.0.1, without systemd, for tests; nodes and controller can be lost."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")
START_S = 60.0
NODES = ("n1", "n2")
CONF = """ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/run/munge.sock,cred_expire=5
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/controller.pid
SlurmdPidFile={folder}/run/%n.pid
SlurmctldLogFile={folder}/log/controller.log
SlurmdLogFile={folder}/log/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
MpiDefault=none
MessageTimeout=5
TCPTimeout=1
SlurmdTimeout=5
MinJobAge=60
KillWait=5
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs=1 RealMemory=4000 State=UNKNOWN
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=main Nodes=ALL Default=YES MaxTime=24:00:00 State=UP PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=24:00:00 State=UP PriorityTier=10
"""


def missing() -> str:
    """What this computer lacks for it, in a sentence; empty if it has all."""
    absent = [name for name in PROGRAMS if not _program(name)]
    return f"Missing {', '.join(absent)}: apt-get install slurmctld slurmd slurm-client munge." if absent else ""


class SlurmCluster:
    """The cluster; `start` it and in any case `stop` it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.conf = folder / "slurm.conf"

    def start(self) -> str:
        """Start all; returns why it did not come up, empty if it did."""
        for name in ("run", "state", "spool", "log"):
            (self.folder / name).mkdir(parents=True, mode=0o755)
        first = _free_ports(3)
        self.conf.write_text(
            CONF.format(
                host=socket.gethostname().partition(".")[0],
                folder=self.folder,
                user=getpass.getuser(),
                port=first,
                first=first + 1,
                last=first + 2,
            )
        )
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        run = self.folder / "run"
        said = self._do(
            "munged",
            "--force",
            f"--key-file={key}",
            f"--socket={run}/munge.sock",
            f"--pid-file={run}/munge.pid",
            f"--log-file={self.folder}/log/munge.log",
            f"--seed-file={run}/munge.seed",
        )
        said = said or self.start_controller() or next(filter(None, map(self.start_node, NODES)), "")
        return said or self.wait_for("idle", *NODES)

    def start_controller(self) -> str:
        return self._do("slurmctld", "-f", str(self.conf))

    def stop_controller(self) -> None:
        self._kill(self.folder / "run" / "controller.pid", signal.SIGTERM)

    def start_node(self, name: str) -> str:
        return self._do("slurmd", "-N", name, "-f", str(self.conf))

    def lose_node(self, pid: int, *, but: tuple[int, ...] = ()) -> str:
        """Kill a node at once, with all that runs there: the one that runs process `pid`; returns its name.

        What is in `but` stays alive, as it does on a node that has only lost its network.
        """
        chain = [psutil.Process(pid), *psutil.Process(pid).parents()]
        daemon = next(process for process in chain if process.name().startswith("slurmstepd"))
        name = psutil.Process(pid).environ()["SLURMD_NODENAME"]
        doomed = [daemon, *daemon.children(recursive=True)]
        self._kill(self.folder / "run" / f"{name}.pid", signal.SIGKILL)
        for process in doomed:
            if process.pid not in but:
                with contextlib.suppress(psutil.Error):
                    process.kill()
        return name

    def wait_for(self, state: str, *nodes: str) -> str:
        """Until nodes are in a state of ``sinfo``; returns why they are not, after a while."""
        deadline_s, seen = time.monotonic() + START_S, ""
        while time.monotonic() < deadline_s:
            done = self._run("sinfo", "--noheader", "--Node", "--format=%N %t", f"--nodes={','.join(nodes)}")
            seen = done.stdout + done.stderr
            if set(seen.split()[1::2]) == {state} and set(seen.split()[::2]) == set(nodes):
                return ""
            time.sleep(0.2)
        return f"Slurm's nodes did not become {state}: {seen.strip()[-300:]}"

    def stop(self) -> None:
        """End all of it, and what runs in it."""
        if _program("scancel") and (self.folder / "run" / "controller.pid").exists():
            user = f"--user={getpass.getuser()}"
            self._run("scancel", "--full", "--signal=KILL", user)
            self._run("scancel", user)
            deadline_s = time.monotonic() + START_S
            while self._run("squeue", "--noheader").stdout.strip() and time.monotonic() < deadline_s:
                time.sleep(0.2)
        for path in sorted((self.folder / "run").glob("*.pid")):
            self._kill(path, signal.SIGKILL)

    def _kill(self, path: Path, number: int) -> None:
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            process = psutil.Process(int(path.read_text()))
            process.send_signal(number)
            process.wait(20)
        path.unlink(missing_ok=True)

    def _do(self, name: str, *arguments: str) -> str:
        done = self._run(name, *arguments)
        return "" if done.returncode == 0 else f"{name} does not start: {(done.stderr or done.stdout).strip()[-300:]}"

    def _run(self, name: str, *arguments: str) -> subprocess.CompletedProcess:
        environment = os.environ | {"SLURM_CONF": str(self.conf)}
        return subprocess.run(
            [_program(name) or name, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=START_S,
        )


def _program(name: str) -> str | None:
    """Where a program is; daemons lie where not everybody looks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def _free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens at."""
    while True:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            first = one.getsockname()[1]
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in range(first, first + count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first
