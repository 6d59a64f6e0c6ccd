"""Reader for recordings of other people's devices.

The folder is named by the environment variable IPAD_CAPTURES. A file holds samples parted by a blank line; a sample is
a header line, six fields after "# " parted by " | ", and its body.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

_FIELDS = 6
_EMPTY_LINE = "<empty line>"


@dataclass(frozen=True)
class Sample:
    """One recording: what its header says and the lines of its body, `<empty line>` turned into "" ."""

    id: str
    what: str
    device: str
    source: str
    altered: bool
    expectation: str
    lines: tuple[str, ...]

    @property
    def truncated(self) -> bool:
        """Whether the recording stops early."""
        return "(truncated)" in self.what

    @property
    def data(self) -> bytes:
        """The body as bytes, for plain hexadecimal; directions and blanks are dropped."""
        return bytes.fromhex("".join(line.lstrip("<> ") for line in self.lines))

    @property
    def exchanges(self) -> list[Exchange]:
        """The body as card commands, each with its answer."""
        pairs: list[Exchange] = []
        command = b""
        for line in self.lines:
            content = bytes.fromhex(line[2:])
            if line.startswith("> "):
                command = content
            else:
                pairs.append(Exchange(command, content[:-2], int.from_bytes(content[-2:], "big")))
        return pairs


class Exchange(NamedTuple):
    """A command, the data of its answer and the status word."""

    command: bytes
    data: bytes
    sw: int


def folder() -> Path | None:
    """Where the recordings are, or None."""
    value = os.environ.get("IPAD_CAPTURES")
    return Path(value) if value else None


def read(file_name: str) -> dict[str, Sample]:
    """Read all samples of a file, by identifier; nothing when there is no folder."""
    place = folder()
    if place is None:
        return {}
    samples: dict[str, Sample] = {}
    for block in parse((place / file_name).read_text(encoding="utf-8")):
        assert block.id not in samples, f"{file_name}: {block.id} occurs twice"
        samples[block.id] = block
    return samples


def parse(text: str) -> list[Sample]:
    """Parse the text of a file."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("# "):
            found.append((line[2:], []))
        elif line and found:
            found[-1][1].append(line)
    return [_sample(header, lines) for header, lines in found]


def _sample(header: str, lines: list[str]) -> Sample:
    fields = header.split(" | ", _FIELDS - 1)
    assert len(fields) == _FIELDS, f"header with {len(fields)} fields: {header}"
    identifier, what, device, source, altered, expectation = fields
    flag = altered.removeprefix("identifiers altered: ")
    assert flag in ("yes", "no"), f"{identifier}: {altered}"
    body = tuple("" if line == _EMPTY_LINE else line for line in lines)
    return Sample(identifier, what, device, source, flag == "yes", expectation, body)


needs_captures = pytest.mark.skipif(folder() is None, reason="IPAD_CAPTURES is not set")
"""For every test that needs the recordings."""


def each(file_name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run a test with each sample of a file as argument `sample`."""
    return pytest.mark.parametrize("sample", list(read(file_name).values()), ids=lambda sample: sample.id)
