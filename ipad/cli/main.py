"""Entry of the command line: parse, execute, print, exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ipad.cli import quick
from ipad.errors import ExitCode, IpadError


def run(argv: Sequence[str]) -> int:
    """Run one command and return its exit code. Errors are printed, not raised."""
    try:
        try:
            return _run(argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`ipad … | head`): keep the interpreter from failing again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED


def _parsed(argv: Sequence[str]) -> quick.Arguments:
    from ipad.cli import parser  # noqa: PLC0415 - the service does without it

    return parser.build().parse_args(argv)


def _run(argv: Sequence[str]) -> int:
    try:
        args = quick.arguments(argv) or _parsed(argv)
        # Usage, help and version need no event loop and no configuration.
        from ipad.cli.execute import execute  # noqa: PLC0415

        return execute(args)
    except IpadError as error:
        from ipad.cli.output import error_json, error_text  # noqa: PLC0415

        if "--json" in argv:
            print(error_json(error))  # noqa: T201 - the command line prints
        else:
            print(error_text(error), file=sys.stderr)  # noqa: T201
        return error.exit_code
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else ExitCode.OK
