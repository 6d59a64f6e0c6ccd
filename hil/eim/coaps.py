"""ESipa of one virtual eIM over CoAPS (SGP.32 6.2): the messages of the ASN.1 binding, in CoAP over DTLS.

Certificates are those of the eIM's HTTPS server. Faults that are about messages (`MESSAGE_FAULTS`) are shared with it;
what goes wrong in CoAP or DTLS is a matter of `CoapKnobs` and `DtlsKnobs`.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hil.clock import Clock
from hil.coap import CoapKnobs, CoapsServer, NoResponseError, RefusedError
from hil.coap.knobs import code_number
from hil.dtls import CIPHERS, DtlsServer, Resumption
from hil.eim.core import VirtualEim, function_name
from hil.eim.exchange import Exchange, Observer
from hil.eim.faults import MESSAGE_FAULTS, Fault, FaultKind, spoilt
from hil.eim.knobs import BindingName
from hil.eim.messages import MalformedRequestError
from hil.eim.tls import Leaf, Leaves
from hil.faults import FaultPlan
from hil.modem.loading import DataError, change

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DtlsKnobs:
    """How new handshakes go. `ciphers` are OpenSSL's names; a list without ECDSA makes "no shared cipher"."""

    resumption: Resumption = Resumption.SESSION_ID
    ciphers: tuple[str, ...] = CIPHERS
    send_ca: bool = False
    """Send the certificate of the issuer behind the leaf."""


class EimCoapsServer:
    """Serves one VirtualEim on a UDP port of loopback."""

    def __init__(
        self,
        eim: VirtualEim,
        leaves: Leaves,
        clock: Clock,
        faults: FaultPlan[Fault] | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.eim = eim
        self.faults = FaultPlan[Fault]() if faults is None else faults
        self.knobs = CoapKnobs()
        self.dtls_knobs = DtlsKnobs()
        self.leaf = Leaf.GOOD
        self._leaves = leaves
        self._clock = clock
        self._observer = observer
        self.endpoint = CoapsServer(self._answer, DtlsServer(leaves.credential(Leaf.GOOD)), clock, knobs=self.knobs)

    @property
    def port(self) -> int:
        """The port that it listens on. Raises RuntimeError before `start`."""
        return self.endpoint.port

    async def start(self, port: int = 0) -> None:
        """Listen. Raises OSError when the port is taken."""
        await self.endpoint.start(port)

    async def close(self) -> None:
        """Stop serving; associations end without a word."""
        await self.endpoint.close()

    def show_leaf(self, leaf: Leaf) -> None:
        """Change the certificate for new handshakes; no session of before is resumed.

        Raises PkiError when it cannot be issued.
        """
        self._show(leaf, self.dtls_knobs)

    def forget_sessions(self, *, associations: bool = False) -> None:
        """Resume no session of before; with `associations` also drop those that live, as a server that was restarted.

        A client learns of the latter by silence.
        """
        self._show(self.leaf, self.dtls_knobs)
        if associations:
            self.endpoint.end_associations(notify=False)

    def close_associations(self) -> None:
        """End all associations with close_notify."""
        self.endpoint.end_associations(notify=True)

    def turn(self, changes: Mapping[str, Any]) -> None:
        """Change the named knobs of CoAP and DTLS, none when one of them is wrong. Raises DataError."""
        dtls_names = {field.name for field in dataclasses.fields(DtlsKnobs)}
        try:
            coap = change(self.knobs, {key: changes[key] for key in changes if key not in dtls_names}, "coap")
            dtls = change(self.dtls_knobs, {key: changes[key] for key in changes if key in dtls_names}, "coap")
            if dtls != self.dtls_knobs:
                self._show(self.leaf, dtls)
        except DataError:
            raise
        except ValueError as error:
            raise DataError(f"coap: {error}") from error
        for field in dataclasses.fields(CoapKnobs):
            setattr(self.knobs, field.name, getattr(coap, field.name))

    def _show(self, leaf: Leaf, dtls: DtlsKnobs) -> None:
        credential = self._leaves.credential(leaf)
        chain = (self._leaves.issuer(leaf),) if dtls.send_ca else ()
        self.endpoint.dtls.show(credential, chain=chain, resumption=dtls.resumption, ciphers=dtls.ciphers)
        self.leaf, self.dtls_knobs = leaf, dtls

    async def _answer(self, body: bytes) -> bytes | None:
        """The handler of the endpoint."""
        started = self._clock.monotonic()
        function = function_name(body)
        refused = self.eim.knobs.refused_bindings.get(BindingName.COAPS)
        fault = None if refused else self.faults.take(function, lambda rule: rule.kind in MESSAGE_FAULTS)
        status, answer = 0, b""
        try:
            if refused:
                raise RefusedError(_coap_code(refused), f"{BindingName.COAPS} is refused")
            found = await self._serve(body, fault)
            status, answer = int(self.knobs.success.replace(".", "")), found or b""
        except RefusedError as error:
            status, answer = (error.number >> 5) * 100 + (error.number & 31), str(error).encode()
            raise
        except MalformedRequestError as error:
            status, answer = 400, str(error).encode()
            raise
        finally:
            if self._observer is not None:
                seconds = self._clock.monotonic() - started
                kind = None if fault is None else fault.kind
                exchange = Exchange(function, body, status, answer, len(body), seconds, 0, kind)
                self._observer(dataclasses.replace(exchange, binding=BindingName.COAPS))
        return found

    async def _serve(self, body: bytes, fault: Fault | None) -> bytes | None:
        if fault is not None and fault.kind is FaultKind.STATUS:
            raise RefusedError(_coap_code(fault.value or 500), "fault on demand", int(fault.seconds) or None)
        if fault is not None and fault.kind is FaultKind.DROP_BEFORE:
            raise NoResponseError
        answer = await self.eim.answer(body)
        if fault is None:
            return answer
        if fault.kind is FaultKind.DROP_AFTER:
            raise NoResponseError
        if fault.kind is FaultKind.DELAY:
            await self._clock.sleep(fault.seconds)
            return answer
        return spoilt(fault, answer or b"")


def _coap_code(status: int) -> str:
    """An HTTP status such as 404 as the CoAP code of the same name; 4.00 and 5.00 where there is none."""
    code = f"{status // 100}.{status % 100:02}"
    try:
        code_number(code, "45")
    except ValueError:
        return "5.00" if status >= 500 else "4.00"
    return code
