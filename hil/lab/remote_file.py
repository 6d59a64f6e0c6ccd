"""Small text files of a board, read and written over nothing but its shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, Final

_PIECE: Final = 1500
"""Characters in one command: a terminal in canonical mode takes 4,095 in a line."""


def read_text(shell: Any, path: str) -> str:
    """The content of a file, `shell` being a CommandProtocol. Raises ExecutionError."""
    lines = shell.run_check(f"cat {shlex.quote(path)}")
    return "".join(f"{line}\n" for line in lines)


def write_text(shell: Any, path: str, text: str) -> None:
    """Replace a file, with its owner and mode kept where it exists. Raises ExecutionError.

    The text goes beside the file first, so that a lost connection never leaves half of one.
    """
    target, beside = shlex.quote(path), shlex.quote(f"{path}.lab")
    shell.run_check(f"if [ -e {target} ]; then cp -p {target} {beside}; fi && : >{beside}")
    for piece in _pieces(text):
        shell.run_check(f"printf %b {shlex.quote(piece)} >>{beside}")
    shell.run_check(f"mv {beside} {target}")


def write_octets(shell: Any, path: str, data: bytes) -> None:
    """Replace a file of any content. Raises ExecutionError."""
    target = shlex.quote(path)
    shell.run_check(f": >{target}")
    for start in range(0, len(data), _PIECE // 5):
        piece = "".join(f"\\0{octet:03o}" for octet in data[start : start + _PIECE // 5])
        shell.run_check(f"printf %b {shlex.quote(piece)} >>{target}")


def _pieces(text: str) -> Iterator[str]:
    """The text as arguments of `printf %b`: no newline in them, no escape cut in two."""
    for start in range(0, len(text), _PIECE // 2):
        piece = text[start : start + _PIECE // 2]
        yield piece.replace("\\", "\\0134").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
