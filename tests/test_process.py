"""Functions called in processes of their own: what comes back, and that none of them outlives its use."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from ddsing import process
from ddsing.errors import Cancelled, InstrumentError, ProcessError
from tests.support.paths import ROOT
from tests.support.patience import until

CALLED = "tests.support.called"
CALLER = f"""
import sys
from ddsing import process
process.call("{CALLED}:wait", {{"path": sys.argv[1]}})
"""


def gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_an_answer_and_what_was_told_on_the_way():
    told = []
    answer = process.call(f"{CALLED}:twice", {"number": 21}, progress=lambda *said: told.append(said))
    assert answer["number"] == 42 and answer["pid"] != os.getpid() and answer["tensorflow"] == "1"
    assert list(dict.fromkeys(told)) == [("starting", 0.0), ("thinking", 0.25), ("saying", 1.0)]
    assert gone(answer["pid"])


def test_an_error_for_people_comes_back_as_it_was():
    with pytest.raises(InstrumentError, match=r"^There is no instrument 'ä'\.$"):
        process.call(f"{CALLED}:refuse", {"name": "ä"})


@pytest.mark.parametrize(
    ("function", "request_", "said"),
    [("fail", {}, "KeyError: 'absent'"), ("end", {"status": 3}, "ended with status 3:\nout of luck"),
     ("missing", {}, "has no attribute 'missing'")],
)  # fmt: skip
def test_any_other_error_is_a_bug_and_says_where(function, request_, said):
    with pytest.raises(RuntimeError) as caught:
        process.call(f"{CALLED}:{function}", request_)
    assert said in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
def test_a_process_that_the_system_ended_is_nobodys_bug():
    with pytest.raises(ProcessError, match="perhaps because memory ran out"):
        process.call(f"{CALLED}:die", {"signal": int(getattr(signal, "SIGKILL", 9))})


def test_cancel_kills_it(tmp_path):
    def progress(stage, fraction):
        if stage == "waiting":
            raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        process.call(f"{CALLED}:wait", {"path": str(tmp_path / "pid")}, progress=progress)
    assert gone(int((tmp_path / "pid").read_text()))


def test_it_ends_when_the_process_that_asked_is_killed(tmp_path):
    path = tmp_path / "pid"
    asking = subprocess.Popen([sys.executable, "-c", CALLER, str(path)], cwd=ROOT)
    pid = int(until(lambda: path.exists() and path.read_text()))
    assert psutil.pid_exists(pid)
    asking.kill()
    asking.wait()
    until(lambda: gone(pid))


def test_what_is_sent_piece_by_piece_arrives_so():
    limits = process.Limits(2**30, 30.0)
    assert list(process.stream(f"{CALLED}:pieces", {}, limits)) == [{"first": {}}, b"abc" * 1000]
    with pytest.raises(InstrumentError, match="There is no more"):
        list(process.stream(f"{CALLED}:pieces", {"refuse": True}, limits))
    with pytest.raises(RuntimeError, match="missing"):
        list(process.stream(f"{CALLED}:missing", {}, limits))


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "limits"), [("spin", (2**30, 1.0)), ("fill", (2**28, 60.0))])
def test_a_process_that_takes_more_than_it_may_is_ended(asked, limits):
    with pytest.raises((ProcessError, RuntimeError), match="memory or time limit|MemoryError"):
        list(process.stream(f"{CALLED}:pieces", {asked: True}, process.Limits(*limits)))


@pytest.mark.skipif(sys.platform == "win32", reason="a limit of POSIX systems")
def test_a_limited_process_writes_no_file(tmp_path):
    with pytest.raises(RuntimeError, match="File too large"):
        list(process.stream(f"{CALLED}:pieces", {"write": str(tmp_path / "x")}, process.Limits(2**30, 30.0)))
