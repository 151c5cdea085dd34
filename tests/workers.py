"""How many processes run the tests, for the Makefile: two, and up to four where there is memory for them.

Many tests wait for a browser, a server or a cluster as long as they compute, so more than two cores pays; each may take
3 GB with what it starts. More are for whoever names them. Runs before anything is installed.
"""

import os
from pathlib import Path

FEWEST, MOST = 2, 4
EACH_BYTES = 5e9


def memory_bytes() -> float:
    """The computer's memory, or what a container may use of it; 0 where the system does not tell."""
    try:
        all_of_it = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError):  # Windows
        return 0.0
    try:
        return min(all_of_it, float(Path("/sys/fs/cgroup/memory.max").read_text("ascii")))
    except (OSError, ValueError):  # no container, or "max"
        return all_of_it


if __name__ == "__main__":
    print(min(MOST, max(FEWEST, int(memory_bytes() // EACH_BYTES))))
