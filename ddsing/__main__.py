"""``ddsing`` and ``python -m ddsing``: the command line, see `ddsing.cli`."""

import sys

from ddsing.cli import main

if __name__ == "__main__":
    sys.exit(main())
