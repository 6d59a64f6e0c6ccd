"""Entry point of the command `ipad`."""

import gc
import sys


def main() -> int:
    """Run the command line and return its exit code."""
    # Most of what imports make stays, and to look for garbage among all of it costs a tenth of the start; among the
    # newest part it costs nothing and saves a megabyte. `execute` begins to look everywhere.
    gc.set_threshold(5000, 1000, 1000)
    from ipad.postponed import postpone  # noqa: PLC0415 - `import ipad` stays cheap

    postpone()
    from ipad.cli.main import run  # noqa: PLC0415 - likewise, and after that

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
