"""Printing for the commands."""

import json
from typing import Any


def print_line(text: str) -> None:
    """A line on standard output, at once."""
    print(text, flush=True)  # noqa: T201


def print_json(value: Any) -> int:
    """JSON on standard output; the exit code of a command that did nothing else."""
    print_line(json.dumps(value, indent=2))
    return 0
