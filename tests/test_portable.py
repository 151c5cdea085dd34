"""What only POSIX systems have is asked for before it is used; each other branch is run without them."""

import ast
import functools
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ddsing
from ddsing import files, process
from ddsing.errors import InstrumentError
from ddsing.instrument import child
from ddsing.workspace import open_workspace
from tests.support import without_posix
from tests.support.paths import GOLDEN, ROOT
from tests.support.without_posix import ABSENT, THINNED, lacking

LIBRARY = [*sorted((ROOT / "ddsing").rglob("*.py")), *sorted((ROOT / "benchmarks").glob("*.py"))]
WITHOUT = (sys.executable, str(Path(without_posix.__file__)))
NOTEBOOK = GOLDEN / "singing_2021.zip"
DATE_CODES = {f"%{code}" for code in "aAbBcdfHIjmMpSUwWxXyYzZ%"}  # of C89, and %f and %z of Python
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_locks")]

FUNCTIONS = """
import contextlib
import sys
import threading
from pathlib import Path
import numpy as np
import psutil
from benchmarks import memory
from ddsing import process
from ddsing.engine.tf import compiled_code
from ddsing.formats import tfrecord
from ddsing.hosting import parcel, private
from ddsing.instrument import child
from ddsing.jobs import remote, slurm
from ddsing.jobs.engine import Engine
from ddsing.sound import pitch
from ddsing.training import board

psutil.Process.memory_info = lambda self: type("Memory", (), {"peak_wset": 123})  # its name on Windows
assert memory.peak_memory_bytes() == 123
child.limit_this_process()
process._limit(2**30, 10.0)
with board._set_by_signals(threading.Event()):
    pass
path = Path(sys.argv[1])
assert len(private.cookie_secret(path.parent / "root")) == 64
parcel._refuse_other_account(path.parent / "root")
(path.parent / "token").write_text("secret")
assert Engine(kind="ray", token_file=str(path.parent / "token")).token == "secret"
with contextlib.suppress(remote.Silent):  # where there is no Slurm
    slurm.SlurmLauncher(Engine(kind="slurm")).ask()
with tfrecord.RecordWriter(path) as writer:
    writer.write({"f0_hz": np.arange(3, dtype=np.float32)})
assert tfrecord.RecordFile(path).read(0)["f0_hz"].tolist() == [0, 1, 2]
assert not compiled_code._is_ours_alone(path.parent)
mapped = np.memmap(path.parent / "mapped", np.float32, "w+", shape=(2, 3))
assert [len(part) for part in pitch._mapped_one_by_one([mapped])] == [2]
"""
# The dashboard's side of a job, which is without the names as well as the job.
DASHBOARD = """
import sys
from pathlib import Path
from ddsing.jobs import signalling
from ddsing.jobs.launcher import LocalLauncher
from ddsing.jobs.store import JobStore
from ddsing.workspace import Workspace
from tests.support import jobs_process
from tests.support.running_jobs import ENDLESS, folder, submit, wait_for, wait_for_step

root, *program = sys.argv[1:]
launcher = LocalLauncher([*program, jobs_process.__file__])
store = JobStore(Workspace(Path(root)), launcher=launcher, kinds=jobs_process.KINDS)
job = submit(store, device="cpu", steps=ENDLESS)
wait_for_step(store, job)
assert not signalling.terminate(folder(store, job))  # on Windows that would be the end
assert wait_for_step(store, job).state == "running"
store.stop(job.id)
step = wait_for(store, job, "stopped").step
store.resume(job.id)
wait_for_step(store, job, step + 1)
assert store.stop(job.id, force=True).state == "stopped"
"""


def walk(tree):
    """(node, function) of all nodes: the outermost function that a node is in, with its class, or ``<module>``."""

    def visit(node, function, within):
        if isinstance(node, ast.ClassDef):
            within = f"{within}{node.name}."
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and function == "<module>":
            function = f"{within}{node.name}"
        yield node, function
        for inner in ast.iter_child_nodes(node):
            yield from visit(inner, function, within)

    return list(visit(tree, "<module>", ""))


def posix_only(tree):
    """(function, module, name) of each use of what Windows or macOS lacks."""
    for node, function in walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in THINNED:
            if node.attr in lacking(node.value.id) | lacking(node.value.id, "darwin"):
                yield function, node.value.id, node.attr
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from ((function, name, "") for name in names if name.partition(".")[0] in ABSENT)


def guards(tree):
    """(function, module) wherever a function asks whether a module has a name, or whether it is there at all."""
    for node, function in walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "hasattr":
            yield function, getattr(node.args[0], "id", "")
        elif isinstance(node, ast.Try) and any("ImportError" in ast.unparse(handler) for handler in node.handlers):
            imports = (part for part in node.body if isinstance(part, ast.Import))
            yield from ((function, alias.name) for part in imports for alias in part.names)


def unguarded(source):
    tree = ast.parse(source)
    guarded = set(guards(tree))
    return [use for use in posix_only(tree) if use[:2] not in guarded]


def test_what_not_every_system_has_is_asked_for_before_it_is_used():
    found = {path.relative_to(ROOT).as_posix(): unguarded(path.read_text("utf-8")) for path in LIBRARY}
    assert {path: uses for path, uses in found.items() if uses} == {}


def date_codes(tree):
    """The codes of every format of a date, in calls of strftime and after a colon in an f-string."""
    for node, _ in walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "strftime":
            formats = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            formats = [part.value for part in ast.walk(node.format_spec) if isinstance(part, ast.Constant)]
        else:
            continue
        yield from (code for text in formats for code in re.findall("%.", str(text)))


def test_dates_are_written_with_codes_that_every_system_has():
    codes = {code for path in LIBRARY for code in date_codes(ast.parse(path.read_text("utf-8")))}
    assert "%Y" in codes and codes - DATE_CODES == set()
    assert set(date_codes(ast.parse("x.strftime('%-d')\nf'{x:%e %b}'"))) == {"%-", "%e", "%b"}


@pytest.mark.parametrize(
    ("source", "n_unguarded"),
    [
        ("import os\nos.replace('a', 'b')", 0),
        ("import os\nos.getuid()", 1),
        ("import os\nif hasattr(os, 'getuid'):\n    os.getuid()", 0),
        ("import os\ndef f():\n    return os.getuid()\ndef g():\n    hasattr(os, 'getuid')", 1),
        ("import os\ndef f():\n    return len(os.sched_getaffinity(0))", 1),  # macOS lacks it, too
        ("import signal\nclass C:\n    def f(self):\n        signal.SIGHUP", 1),
        ("import fcntl", 1),
        ("try:\n    import resource\nexcept ImportError:\n    resource = None", 0),
    ],
)
def test_the_check_itself(source, n_unguarded):
    assert len(unguarded(source)) == n_unguarded


def test_typeshed_knows_what_windows_lacks():
    assert lacking("os") >= {"getuid", "fork", "O_DIRECTORY", "sched_getaffinity", "setpriority", "pread", "statvfs"}
    assert lacking("signal") >= {"SIGKILL", "SIGHUP", "pthread_sigmask"} and "SIGTERM" not in lacking("signal")
    assert "sched_getaffinity" in lacking("os", "darwin") and "getuid" not in lacking("os", "darwin")


def run(*arguments):
    done = subprocess.run([*WITHOUT, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def every_module_imports(folder):
    modules = [module.name for module in pkgutil.walk_packages(ddsing.__path__, "ddsing.")]
    modules = [name for name in modules if "__main__" not in name] + ["benchmarks.training", "benchmarks.transfer"]
    (folder / "imports.py").write_text("".join(f"import {name}\n" for name in modules))
    run(folder / "imports.py")


def a_recording_is_sung_and_kept(folder):
    workspace = open_workspace(folder / "workspace")
    recording, out = next(workspace.examples.glob("ode*")), folder / "out.wav"
    run("-m", "ddsing", "transfer", recording, "--instrument", "aria", "--out", out, "--workspace", workspace.root)
    assert out.stat().st_size > 100_000


def an_instrument_of_2021_is_imported(folder):
    workspace = open_workspace(folder / "workspace")
    run("-m", "ddsing", "instrument", "import", NOTEBOOK, "--workspace", workspace.root)
    assert (workspace.instruments / NOTEBOOK.name).exists()


def limits_signals_records_and_a_benchmarks_memory(folder):
    (folder / "functions.py").write_text(FUNCTIONS)
    run(folder / "functions.py", folder / "records")


def a_job_runs_stops_goes_on_and_is_killed(folder):
    (folder / "dashboard.py").write_text(DASHBOARD)
    run(folder / "dashboard.py", open_workspace(folder / "workspace").root, *WITHOUT)


SCENARIOS = (
    every_module_imports,
    a_recording_is_sung_and_kept,
    an_instrument_of_2021_is_imported,
    limits_signals_records_and_a_benchmarks_memory,
    a_job_runs_stops_goes_on_and_is_killed,
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Runs a scenario, once; returns the functions that were told of a lack."""

    @functools.cache
    def ran(scenario):
        folder = tmp_path_factory.mktemp("without")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("WITHOUT_POSIX_MET", str(folder / "met"))
            scenario(folder)
        return frozenset((folder / "met").read_text("utf-8").splitlines())

    return ran


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_without_what_windows_lacks(ran, scenario):
    assert ran(scenario)


def test_every_other_branch_was_run(ran):
    expected = {
        f"{path.relative_to(ROOT).as_posix()}:{function}"
        for path in LIBRARY
        for function, module in guards(ast.parse(path.read_text("utf-8")))
        if module in THINNED or module in ABSENT
    }
    assert expected and expected - frozenset().union(*map(ran, SCENARIOS)) == set()


def test_a_file_that_someone_reads_is_replaced_when_they_have_done(tmp_path, monkeypatch):
    (tmp_path / "new").write_text("new")
    replace, refusals = os.replace, iter([True, True])

    def refused_twice(source, target):
        if next(refusals, False):
            raise PermissionError(13, "Access is denied")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refused_twice)
    with pytest.raises(PermissionError):  # here it is final
        files.move(tmp_path / "new", tmp_path / "old")
    monkeypatch.delattr(os, "O_DIRECTORY")
    files.move(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_text() == "new"


def test_a_file_that_stays_open_is_an_error_in_the_end(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "O_DIRECTORY")
    monkeypatch.setattr(files, "PATIENCE_S", 0.05)
    with pytest.raises(FileNotFoundError):  # anything else is final at once
        files.move(tmp_path / "absent", tmp_path / "old")

    def refuse(source, target):
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PermissionError):
        files.move(tmp_path / "new", tmp_path / "old")


def test_a_folder_is_not_flushed_where_none_can_be_opened(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    files.flush(tmp_path)
    assert len(flushed) == 1
    monkeypatch.delattr(os, "O_DIRECTORY")
    files.flush(tmp_path)
    assert len(flushed) == 1
    (tmp_path / "file").write_text("")
    files.flush(tmp_path / "file")
    assert len(flushed) == 2


def test_a_job_has_no_part_in_the_dashboards_console(monkeypatch):
    assert process.new_group() == 0
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x08000000, raising=False)
    assert process.new_group() == 0x08000200


def test_a_child_that_takes_too_much_memory_is_killed_from_outside(monkeypatch):
    monkeypatch.setattr(child, "MAX_MEMORY_BYTES", 2**20)  # the child's own limit stays as it was
    with pytest.raises(InstrumentError, match="its memory or time limit"):
        child.convert_in_child(NOTEBOOK, name="x")
