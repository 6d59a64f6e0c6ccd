"""The program of a rule: started with a bounded time and without a shell, told rule and reason in its environment."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping
from typing import Final

from ipad.clock import Clock
from ipad.policy.decisions import RunHook

logger = logging.getLogger(__name__)

LIMIT: Final = 60.0
"""Seconds after which the program is ended."""

_KEPT: Final = ("PATH", "LANG", "HOME", "TZ")


async def run_hook(hook: RunHook, clock: Clock, facts: Mapping[str, str], *, limit: float = LIMIT) -> int | None:
    """Run `PROGRAM RULE` to its end; its exit code, None when it could not be started or took too long.

    The environment has IPAD_RULE, IPAD_REASON and the `facts`, whose names get the prefix IPAD_.
    """
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment.update({"IPAD_RULE": hook.rule, "IPAD_REASON": hook.reason})
    environment.update({f"IPAD_{name}": value for name, value in facts.items()})
    try:
        process = await asyncio.create_subprocess_exec(
            hook.program,
            hook.rule,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        logger.error("the program %s of rule %s cannot be started: %s", hook.program, hook.rule, error)
        return None
    ended = asyncio.ensure_future(process.wait())
    limited = asyncio.ensure_future(clock.sleep(limit))
    try:
        await asyncio.wait([ended, limited], return_when=asyncio.FIRST_COMPLETED)
    finally:
        limited.cancel()
        if not ended.done():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            await ended
            logger.error("the program %s of rule %s took longer than %g s", hook.program, hook.rule, limit)
    code = ended.result()
    if code:
        logger.warning("the program %s of rule %s ended with %d", hook.program, hook.rule, code)
    return code
