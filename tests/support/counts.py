"""How often tests repeat themselves: less at every push, in full with ``--full``; and the seed of random cases.

Fewer rounds still meet each kind of fault at least once: tests that draw at random take the kinds in turn.
"""

import datetime

_chosen = {"full": False, "seed": 0}


def choose(*, full: bool, seed: int) -> None:
    """For `conftest.py`, before the tests are collected."""
    _chosen.update(full=full, seed=seed)


def full() -> bool:
    """Whether everything is repeated as often as the documents say."""
    return bool(_chosen["full"])


def rounds(*, full: int, push: int) -> int:
    """How often to repeat: `push` times, with ``--full`` `full` times."""
    return full if _chosen["full"] else push


def seed() -> int:
    """Of random cases: another every day, so that in time they meet what fewer of them would miss."""
    return _chosen["seed"]


def seed_of_the_day() -> int:
    """Today as a number, such as 20261126."""
    return int(datetime.datetime.now(datetime.UTC).strftime("%Y%m%d"))


def described() -> str:
    """One line for the end of a run: how often tests repeated themselves, and how to draw the same cases again."""
    return f"Repeats: {'in full' if full() else 'as at every push'}. Random cases: --seed {seed()}."
