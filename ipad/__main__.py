"""Entry point of the command `ipad`."""

import sys


def main() -> int:
    """Run the command line and return its exit code."""
    from ipad.cli.main import run  # noqa: PLC0415 - `import ipad` stays cheap

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
