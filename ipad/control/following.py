"""Streams of lines: everything that happens, and the course of one operation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Any

from ipad.control.replies import masked_json
from ipad.daemon.agent import LocalAgent
from ipad.daemon.broadcast import Broadcast
from ipad.daemon.operations import Operation
from ipad.errands.envelope import Json, Record, Result, failure, success
from ipad.procedures.progress import ProgressEvent

Line = Mapping[str, Any]


async def happenings(broadcast: Broadcast, *, masked: bool) -> AsyncGenerator[Line, None]:
    """What happens from now on, for ever. A reader who is too slow is told so in the last line."""
    subscription = broadcast.subscribe()
    try:
        while (found := await subscription.get()) is not None:
            yield _shown(found, masked=masked)
        yield {"event": "dropped", "message": "this reader was too slow: what follows was not kept for it"}
    finally:
        broadcast.unsubscribe(subscription)


async def course(operation: Operation[LocalAgent], *, masked: bool) -> AsyncGenerator[Line, None]:
    """The progress of an operation, from its beginning, and in the last line what it has led to.

    Of a stage that goes on only the last percentage counts, so a reader who is slow gets fewer lines.
    """
    last: ProgressEvent | None = None
    while True:
        news = operation.news
        for event in _behind(operation, last):
            last = event
            yield progress_line(event, operation.id)
        if operation.finished.is_set():
            yield _shown(operation_record(operation), masked=masked)
            return
        await news.wait()


def progress_line(event: ProgressEvent, operation: str | None) -> Line:
    """Progress of a download, in a line."""
    return {
        "event": "progress",
        "stage": event.stage.value,
        "percent": event.percent,
        "detail": event.detail,
        "operation": operation,
    }


def operation_line(operation: Operation[Any]) -> Line:
    """That an operation has begun or ended, in a line."""
    order = operation.order
    return {
        "event": "operation",
        "operation": operation.id,
        "title": order.title,
        "who": order.who,
        "state": operation.state.value,
        "message": str(operation.error) if operation.error is not None else None,
    }


def operation_record(operation: Operation[Any]) -> dict[str, Json]:
    """Everything about an operation. `answer` is what the call would have answered, null before the end."""
    last = operation.progress[-1] if operation.progress else None
    return {
        **operation_line(operation),
        "effect": operation.order.effect.value,
        "submitted": datetime.fromtimestamp(operation.submitted, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "stage": last.stage.value if last is not None else None,
        "percent": last.percent if last is not None else None,
        "answer": _answer(operation),
    }


def _answer(operation: Operation[Any]) -> Record | None:
    if operation.error is not None:
        return failure(operation.error)
    return success(operation.result) if isinstance(operation.result, Result) else None


def _behind(operation: Operation[Any], last: ProgressEvent | None) -> list[ProgressEvent]:
    """What came after the event that was shown last; everything, when that one is not remembered any more."""
    events = list(operation.progress)
    for index in range(len(events) - 1, -1, -1):
        if events[index] is last:
            return events[index + 1 :]
    return events


def _shown(line: Line, *, masked: bool) -> Line:
    if not masked:
        return line
    found = masked_json(dict(line))
    assert isinstance(found, dict)
    return found
