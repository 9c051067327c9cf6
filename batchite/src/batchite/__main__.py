"""`python -m batchite` is `batchite`."""

import sys

from batchite.cli import main

if __name__ == "__main__":
    sys.exit(main())
