"""Entry point of the command `ipad`."""

import gc
import sys


def main() -> int:
    """Run the command line and return its exit code."""
    # What imports make stays: to look for garbage among it costs a tenth of the start. `execute` begins to look.
    gc.disable()
    from ipad.cli.main import run  # noqa: PLC0415 - `import ipad` stays cheap

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
