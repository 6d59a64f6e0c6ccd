"""What the abilities of servers need: a whole rig, or its servers alone for a board that is somewhere else."""

from __future__ import annotations

from typing import Protocol

from hil.clock import Clock
from hil.rig import RigOptions
from hil.rig.endpoint import EimEndpoint
from hil.rig.rsp import RspServers
from hil.rig.timeline import Timeline


class Bench(Protocol):
    """Lives in the loop of a `LoopThread`."""

    @property
    def clock(self) -> Clock:
        """Time of the servers."""
        ...

    @property
    def timeline(self) -> Timeline:
        """What the servers see."""
        ...

    @property
    def options(self) -> RigOptions:
        """How the servers were set up."""
        ...

    @property
    def rsp(self) -> RspServers | None:
        """SM-DP+ and SM-DS, None without certificates for them."""
        ...

    def eim(self, name: str) -> EimEndpoint:
        """An eIM by its name in the bench. Raises KeyError."""
        ...

    def configuration(self, name: str) -> bytes:
        """EimConfigurationData of that eIM. Raises KeyError."""
        ...
