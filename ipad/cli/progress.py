"""Progress of a profile download on standard error: a bar on a terminal, else a line per stage, or JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Final, TextIO

from ipad.cli.output import clean
from ipad.procedures.progress import ProgressEvent, ProgressListener, Stage, unheeded

_BAR: Final = 24
_WIDTH: Final = 79
_ENDS: Final = (Stage.DONE, Stage.FAILED)


def listener(stream: TextIO | None = None, *, as_json: bool = False, quiet: bool = False) -> ProgressListener:
    """What shows the events of a download on `stream`, which is standard error unless given."""
    target = stream if stream is not None else sys.stderr
    if quiet:
        return unheeded
    if as_json:
        return _Lines(target, _json, step=1)
    return _Bar(target) if target.isatty() else _Lines(target, _line, step=10)


class _Lines:
    """A line for each stage, and within one for each `step` of the percentage."""

    def __init__(self, stream: TextIO, text: Callable[[ProgressEvent], str], *, step: int) -> None:
        self._stream = stream
        self._text = text
        self._step = step
        self._last: tuple[Stage, int] | None = None

    def __call__(self, event: ProgressEvent) -> None:
        reached = (event.stage, event.percent // self._step)
        if reached != self._last or event.detail:
            self._last = reached
            self._stream.write(self._text(event) + "\n")
            self._stream.flush()


def _line(event: ProgressEvent) -> str:
    """For people. Why a download failed is said by the command itself."""
    detail = f" {clean(event.detail)}" if event.detail and event.stage is not Stage.FAILED else ""
    return f"{event.percent:3} % {event.stage}{detail}"


def _json(event: ProgressEvent) -> str:
    """For programs: one object per line."""
    return json.dumps(
        {"event": "progress", "stage": event.stage.value, "percent": event.percent, "detail": event.detail}
    )


class _Bar:
    """One line of a terminal that is written over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._detail = ""

    def __call__(self, event: ProgressEvent) -> None:
        if event.detail or event.stage is not Stage.INSTALLING:
            self._detail = clean(event.detail) if event.stage is not Stage.FAILED else ""
        full = _BAR * event.percent // 100
        text = f"[{'#' * full}{'.' * (_BAR - full)}] {event.percent:3} % {event.stage} {self._detail}".rstrip()
        self._stream.write("\r" + text[:_WIDTH].ljust(_WIDTH) + ("\n" if event.stage in _ENDS else ""))
        self._stream.flush()
