"""What ES9+ and ES11 servers share: a TLS port on loopback, faults on demand, initiateAuthentication."""

from __future__ import annotations

import ssl
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

from hil.faults import FaultPlan
from hil.rsp.authentication import Challenge
from hil.rsp.faults import Fault
from hil.rsp.json_server import Function, JsonFunctions, Members, Observer, authentication_members
from hil.webserver import WebServer


class Authenticator(Protocol):
    """The core of an SM-DP+ or SM-DS, as far as both begin alike."""

    def initiate_authentication(self, euicc_challenge: bytes, euicc_info1: bytes, address: str) -> Challenge:
        """ES9+.InitiateAuthentication or ES11.InitiateAuthentication (SGP.22 5.6.1, 5.8.1). Raises RspStatus."""
        ...


class RspServer(ABC):
    """A core behind the JSON binding. `functions` are those besides initiateAuthentication, by name."""

    def __init__(self, functions: Mapping[str, Function], observer: Observer | None) -> None:
        self.functions = JsonFunctions({"initiateAuthentication": self._initiate_authentication, **functions}, observer)
        self._server = WebServer(self.functions.handle)

    @property
    @abstractmethod
    def core(self) -> Authenticator:
        """Who answers now."""

    @property
    def port(self) -> int:
        """The port in use."""
        return self._server.port

    @property
    def faults(self) -> FaultPlan[Fault]:
        """What goes wrong on demand."""
        return self.functions.faults

    async def start(self, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Listen. Raises PortTakenError."""
        await self._server.start(port, tls)

    async def listen_anew(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen on the same port with another context, which knows no session of before. Raises PortTakenError."""
        await self._server.listen_anew(tls)

    async def close(self) -> None:
        """Stop."""
        await self._server.close()

    async def _initiate_authentication(self, members: Members) -> Mapping[str, Any]:
        return authentication_members(
            self.core.initiate_authentication(
                members.binary("euiccChallenge"), members.binary("euiccInfo1"), members.text("smdpAddress")
            )
        )
