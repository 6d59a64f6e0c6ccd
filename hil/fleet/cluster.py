"""A fleet over several machines, through a scheduler of Dask (the extra `fleet`).

Each worker runs a share with servers of its own; only the plan goes there and only the result comes back, both as plain
values. The bench must be installed on every worker.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hil.fleet.errors import FleetError
from hil.fleet.plan import FleetPlan, plan_from_json
from hil.fleet.result import FleetResult, joined, result_from_json
from hil.fleet.share import run_share

CONNECT_WITHIN: Final = 10.0
"""Seconds within which the scheduler has to answer."""


async def work(plan: dict[str, Any]) -> dict[str, Any]:
    """One share, in the loop of the worker. Raises what a share raises."""
    with tempfile.TemporaryDirectory(prefix="ipad-fleet-") as folder:
        result = await run_share(plan_from_json(plan), Path(folder), lambda _text: None)
    return result.to_json()


async def run_on(address: str, plan: FleetPlan, tell: Callable[[str], None]) -> FleetResult:
    """Spread a plan over the workers of a scheduler, a share to each.

    Raises FleetError without the extra, without an answer of the scheduler, without workers, or when a share fails.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise FleetError("a scheduler needs the extra fleet: pip install 'ipad[hil,fleet]'") from None
    try:
        async with distributed.Client(
            address, asynchronous=True, timeout=CONNECT_WITHIN, set_as_default=False
        ) as client:
            information = await client.scheduler.identity()
            workers = sorted(information["workers"])
            if not workers:
                raise FleetError(f"{address} has no workers")
            shares = plan.shared(len(workers))
            tell(f"{len(shares)} shares on {len(workers)} workers")
            futures = [
                client.submit(work, share.to_json(), workers=[worker], allow_other_workers=False, pure=False)
                for share, worker in zip(shares, workers, strict=False)
            ]
            found = await client.gather(futures)
    except OSError as error:
        raise FleetError(f"{address}: {error}") from error
    return joined([result_from_json(one) for one in found])
