"""Starting a process as a terminal does, whatever the tests themselves were started by.

A process that is started in the background of a script, with ``nohup`` or by some schedulers ignores SIGINT or SIGHUP,
and so do its children. A test that sends such a signal starts its child through `at_a_terminal`.
"""

import sys
from collections.abc import Sequence

_LISTENING = (
    "import os, signal, sys\n"
    "for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):\n"
    "    signal.signal(number, signal.SIG_DFL)\n"
    "signal.pthread_sigmask(signal.SIG_SETMASK, [])\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


def at_a_terminal(command: Sequence[str]) -> list[str]:
    """The command that becomes `command`, with no signal ignored or blocked; the program is named by its path."""
    return [sys.executable, "-c", _LISTENING, *command]
