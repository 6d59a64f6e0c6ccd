"""`python -m hil`, the same as the command `ipad-hil`."""

import sys

from hil.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
