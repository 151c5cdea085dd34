"""Whose turn it is, so that nobody waits for another's backlog: start-time fair queueing.

Each order gets a number, its turn, and lower turns go first; among equal ones, whoever came first. A person's orders
have ascending turns, and none begins below the turn that is being served. So the first order of somebody new is next,
fifty orders of one person and one of another alternate, and who has been served often goes behind those who have not,
however many of these keep coming.

After Goyal, Vin and Cheng, *Start-time fair queueing*, SIGCOMM 1996, with orders of one size.

Public: `turn`.
"""

from collections.abc import Iterable


def turn(serving: int, begun: int | None, waiting: Iterable[int]) -> int:
    """The turn of a person's next order.

    Parameters
    ----------
    serving : int
        The turn that was begun last, of anybody's.
    begun : int or None
        The highest turn of this person's that was begun; None if there was none.
    waiting : Iterable[int]
        The turns of this person's that wait.
    """
    own = [*waiting, *([] if begun is None else [begun])]
    return max([serving, *(one + 1 for one in own)])
