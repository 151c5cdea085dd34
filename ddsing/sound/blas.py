"""Matrix products on one thread.

A decoder's matrices are small: BLAS on several threads gains little by sharing their products out, and waits, spinning,
for the slowest each time. Beside other work on the machine, one thread took a half to a quarter of the time. The limit
belongs to the process: it is set when the first thread asks for it, and lifted when the last has finished. It also
makes sums come out the same to the last bit, whatever the machine's cores are busy with.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import OpenBLASController, ThreadpoolController

_lock = threading.Lock()
_users = 0
_limit = None


@contextmanager
def single_threaded() -> Iterator[None]:
    """While any thread is inside, BLAS computes each product on the thread that asks for it."""
    global _users, _limit
    with _lock:
        if _users == 0:
            with _in_control():
                _limit = _controller().limit(limits=1, user_api="blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                with _in_control():
                    _limit.restore_original_limits()


@contextmanager
def _in_control():
    """Threadpoolctl ignores, without a word, every thread but the first that ever set a limit; here any thread may."""
    OpenBLASController.clear_controlling_thread(force=True)
    try:
        yield
    finally:
        OpenBLASController.clear_controlling_thread(force=True)


@cache
def _controller():
    return ThreadpoolController()  # looking for the libraries takes milliseconds
