"""One exchange of the virtual eIM with an IPA, whatever the binding, for the timeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hil.eim.faults import FaultKind
from hil.eim.knobs import BindingName


@dataclass(frozen=True)
class Exchange:
    """A request with its answer; both as messages in ASN.1."""

    function: str
    request: bytes
    status: int
    """HTTP status; of CoAP the code without its dot, such as 204 or 503; 0 when nothing was sent."""
    response: bytes
    received: int
    """Bytes of the request on the wire, without TLS; of CoAP those of its body."""
    seconds: float
    connection: int
    """Number of the connection on its server, 0 when it is not known."""
    fault: FaultKind | None = None
    remarks: tuple[str, ...] = ()
    """What a stricter server would refuse."""
    binding: BindingName = BindingName.ASN1

    @property
    def outcome(self) -> str:
        """As in `HTTP 200` or `CoAP 2.04`."""
        if self.binding is not BindingName.COAPS:
            return f"HTTP {self.status}"
        return f"CoAP {self.status // 100}.{self.status % 100:02}" if self.status else "CoAP without a response"


Observer = Callable[[Exchange], None]
