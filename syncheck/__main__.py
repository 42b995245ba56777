"""`python -m syncheck`."""

import sys

from syncheck.cli import main

if __name__ == "__main__":
    sys.exit(main())
