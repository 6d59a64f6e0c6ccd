"""`python -m hil.report record.json [DIR]`: the page of a run that is on record."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hil.report.page import write_page
from hil.suite.record import RecordError, read


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page beside the record, or into a folder."""
    parser = argparse.ArgumentParser(prog="python -m hil.report", description="Write the page of a run.")
    parser.add_argument("record", type=Path, help="record.json of a run")
    parser.add_argument("folder", type=Path, nargs="?", default=None, help="where to (default: beside the record)")
    options = parser.parse_args(arguments)
    try:
        path = write_page(read(options.record), options.folder or options.record.parent)
    except (OSError, RecordError) as error:
        print(f"report: {error}", file=sys.stderr)  # noqa: T201 - the command line prints
        return 1
    print(path)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
