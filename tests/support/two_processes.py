"""Two processes that do something at once, round after round."""

import multiprocessing
import traceback
from collections.abc import Callable

from ddsing.errors import DdsingError
from tests.support import counts
from tests.support.patience import PATIENCE_S

FORK = multiprocessing.get_context("fork")
N_ROUNDS = counts.rounds(full=100, push=20)


def at_once(work: Callable, n_rounds: int = N_ROUNDS) -> list[list]:
    """What `work(process, round)` returned, or the class of its `DdsingError`, of two processes at once."""
    start, answers = FORK.Barrier(2), [FORK.SimpleQueue() for _ in range(2)]

    def rounds(process: int) -> None:
        said = []
        try:
            for number in range(n_rounds):
                start.wait(PATIENCE_S)
                try:
                    said.append(work(process, number))
                except DdsingError as error:
                    said.append(type(error).__name__)
        except BaseException:
            start.abort()
            said = traceback.format_exc()
        answers[process].put(said)

    children = [FORK.Process(target=rounds, args=(process,)) for process in range(2)]
    for child in children:
        child.start()
    found = [queue.get() for queue in answers]
    for child in children:
        child.join()
    assert not [said for said in found if isinstance(said, str)], "\n".join(map(str, found))
    return found
