"""Run the function behind a command on an event loop and print what it reports."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Final

from ipad.cli.invocation import Invocation, log_level, prepare
from ipad.cli.output import Report, clean, to_json, to_text
from ipad.daemon import log
from ipad.daemon.signals import obeying
from ipad.errors import IpadError

if TYPE_CHECKING:
    from ipad.cli.quick import Arguments

Handler = Callable[[Invocation], Awaitable[Report | None]]

_BY_SIGNAL: Final = 128


def execute(args: Arguments) -> int:
    """Call the handler of the command; returns the exit code. Raises IpadError."""
    log.set_up(log_level(args, log.LEVELS["warning"]))
    if args.noun == "run" and not args.once:
        try:
            return _execute(args)
        except IpadError as error:
            # What `systemctl status` shows of a service that ended.
            from ipad.daemon.sdnotify import ServiceManager  # noqa: PLC0415 - seldom needed

            ServiceManager().status(f"failed: {error}")
            raise
    return _execute(args)


def _execute(args: Arguments) -> int:
    call = prepare(args)
    if args.noun in ("run", "helper"):
        several = args.noun == "run" and len(call.config.modems) > 1
        # A visit ends before it could fill anything.
        per_hour = 0 if getattr(args, "once", False) else call.config.log.lines_per_hour
        rules = log.LogRules(call.config.log.mask, per_hour, named=several)
        log.set_up(log_level(args, log.LEVELS[call.config.log.level]), rules=rules)
    module, _, function = args.handler.partition(":")
    handler: Handler = getattr(importlib.import_module(module), function)
    gc.set_threshold(700, 10, 10)
    try:
        with _own_interrupt() if args.noun == "run" and not args.once else contextlib.nullcontext():
            report = asyncio.run(_cancel_on_sigterm(handler, call))
    except KeyboardInterrupt:
        return _BY_SIGNAL + signal.SIGINT
    except asyncio.CancelledError:
        return _BY_SIGNAL + signal.SIGTERM
    if report is None:
        return 0
    if getattr(args, "json", False):
        text = to_json(report, indent=2 if sys.stdout.isatty() else None)
    else:
        text = to_text(report)
    if text:
        print(text)  # noqa: T201 - the command line prints
    if report.exit_code and not getattr(args, "json", False):
        print(f"ipad: {clean(str(report.record['message']), 600)}", file=sys.stderr)  # noqa: T201
    return report.exit_code


@contextlib.contextmanager
def _own_interrupt() -> Iterator[None]:
    """SIGINT ends the process until the service obeys it, which is before it opens anything.

    Otherwise asyncio has a handler there, of which the module `signal` makes a text when it is replaced, and for the
    text of a task `inspect` is loaded.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def _cancel_on_sigterm(handler: Handler, call: Invocation) -> Report | None:
    """SIGTERM must unwind like an error does, or the channel to the card stays open."""
    task = asyncio.current_task()
    assert task is not None
    with obeying({signal.SIGTERM: task.cancel}):
        return await handler(call)
