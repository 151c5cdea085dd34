"""`python -m ddsing`: see `ddsing.cli`."""

import sys

from ddsing.cli import main

sys.exit(main())
