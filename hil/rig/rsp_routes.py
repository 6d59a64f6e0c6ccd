"""Control API: orders of the SM-DP+, events of the SM-DS, and what goes wrong there."""

from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from hil.control import Call, CallError, Handler, Route
from hil.eim.tls import Leaf
from hil.euicc.config import make_iccid
from hil.json_fields import FieldError, Fields
from hil.modem.loading import DataError, load
from hil.pki import PkiError
from hil.rig.link_routes import door_json
from hil.rig.rig import Rig
from hil.rig.rsp import SMDP, SMDS, RspServers
from hil.rig.rsp_endpoint import RspEndpoint, RspServer
from hil.rig.timeline import Interface
from hil.rsp.faults import Fault
from hil.smdp.catalogue import activation_code
from hil.smdp.order_form import read_order
from hil.smdp.orders import Order
from hil.smds.core import Event

_FIRST_OWN: Final = 100


class RspRoutes:
    """Handlers below /smdp and /smds."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def routes(self) -> list[Route]:
        """All of them."""
        found = [
            Route("GET", "/smdp", self.smdp),
            Route("GET", "/smdp/orders", self.orders),
            Route("POST", "/smdp/orders", self.add_order),
            Route("GET", "/smdp/orders/{number}", self.order),
            Route("DELETE", "/smdp/orders/{number}", self.remove_order),
            Route("POST", "/smdp/orders/{number}/release", self.release),
            Route("GET", "/smdp/reports", self.reports),
            Route("GET", "/smds", self.smds),
            Route("GET", "/smds/events", self.events),
            Route("POST", "/smds/events", self.add_event),
            Route("DELETE", "/smds/events/{event}", self.remove_event),
        ]
        for name in (SMDP, SMDS):
            found += [
                Route("GET", f"/{name}/faults", self._of(name, _faults)),
                Route("POST", f"/{name}/faults", self._of(name, _add_fault)),
                Route("DELETE", f"/{name}/faults", self._of(name, _clear_faults)),
                Route("POST", f"/{name}/tls", self._of(name, _show_leaf)),
            ]
        return found

    async def smdp(self, _call: Call) -> Any:
        """Address, certificate, orders by state."""
        core = self._rsp.core
        states = [order.state.value for order in core.orders]
        return {
            **_summary(self._rsp.smdp),
            "orders": {state: states.count(state) for state in sorted(set(states))},
            "notifications": len(core.notifications),
        }

    async def smds(self, _call: Call) -> Any:
        """Address, certificate, number of events."""
        return {**_summary(self._rsp.smds), "events": len(self._rsp.smds.server.smds.events)}

    async def orders(self, _call: Call) -> Any:
        """All orders, without their packages."""
        return {"orders": [self._shown(order) for order in self._rsp.orders]}

    async def order(self, call: Call) -> Any:
        """One order."""
        return self._shown(self._order(call))

    async def add_order(self, call: Call) -> Any:
        """A new order (see hil.smdp.order_form); what is not said is made up."""
        body = dict(call.body)
        if "upp" not in body and "profile" not in body:
            body["profile"] = {}
        if "profile" in body and isinstance(body["profile"], dict):
            body["profile"] = {**self._made_up(), **body["profile"]}
        if body.get("matchingId") is None and body.get("eid") is None:
            body["matchingId"] = f"ORDER-{self._next_number:04}"
        try:
            order = self._rsp.add(read_order(body, datetime.now(UTC)))
        except (FieldError, ValueError) as error:
            raise CallError(str(error)) from error
        self._rig.timeline.note(Interface.BENCH, "", f"smdp takes order {order.number}: {order.metadata.profile_name}")
        return self._shown(order)

    async def remove_order(self, call: Call) -> Any:
        """Forget an order."""
        order = self._order(call)
        self._rsp.remove(order)
        return {"removed": order.number}

    async def release(self, call: Call) -> Any:
        """Let an order be downloaded (again)."""
        order = self._order(call)
        order.release()
        self._rsp.changed(order)
        return self._shown(order)

    async def reports(self, _call: Call) -> Any:
        """Installation results and other notifications that arrived."""
        core = self._rsp.core
        return {
            "installations": [
                {
                    "transactionId": report.transaction_id.hex().upper(),
                    "iccid": None if report.iccid is None else report.iccid.hex().upper(),
                    "bppCommandId": report.command,
                    "errorReason": report.reason,
                    "verified": report.verified,
                }
                for report in core.reports
            ],
            "notifications": [
                {
                    "operation": event.operation,
                    "iccid": None if event.iccid is None else event.iccid.hex().upper(),
                    "seqNumber": event.seq_number,
                    "eid": event.eid,
                    "verified": event.verified,
                }
                for event in core.events
            ],
        }

    async def events(self, _call: Call) -> Any:
        """All events."""
        return {"events": [asdict(event) for event in self._rsp.smds.server.smds.events]}

    async def add_event(self, call: Call) -> Any:
        """{"eventId", "eid"?, "address"?}: for the rig's card and of the rig's SM-DP+ unless told."""
        fields = Fields(call.body, "event")
        try:
            event = Event(
                fields.take("eid", str, self._rig.card.eid),
                fields.take("eventId", str, required=True),
                fields.take("address", str, self._rsp.smdp.fqdn),
            )
            fields.finish()
            self._rsp.discovery.register(event)
        except ValueError as error:
            raise CallError(str(error)) from error
        return asdict(event)

    async def remove_event(self, call: Call) -> Any:
        """Take an event of the card (query `eid` for another one) away."""
        self._rsp.discovery.delete(call.query.get("eid", self._rig.card.eid), call.names["event"])
        return await self.events(call)

    @property
    def _rsp(self) -> RspServers:
        if self._rig.rsp is None:
            raise CallError(
                "this rig has no RSP servers: its PKI cannot issue their certificates", HTTPStatus.NOT_FOUND
            )
        return self._rig.rsp

    @property
    def _next_number(self) -> int:
        return 1 + max((order.number for order in self._rsp.orders), default=0)

    def _made_up(self) -> dict[str, str]:
        """ICCID and IMSI that no other order has."""
        number = _FIRST_OWN + self._next_number
        return {"iccid": make_iccid(f"8949000000000001{number:03}"), "imsi": f"00101000000{number:04}"}

    def _order(self, call: Call) -> Order:
        number = call.names["number"]
        order = self._rsp.core.orders.numbered(int(number)) if number.isdecimal() else None
        if order is None:
            raise CallError(f"there is no order {number}", HTTPStatus.NOT_FOUND)
        return order

    def _shown(self, order: Order) -> dict[str, Any]:
        return {
            "number": order.number,
            "matchingId": order.matching_id,
            "activationCode": activation_code(order, self._rsp.smdp.fqdn) if order.matching_id else None,
            "state": order.state.value,
            "eid": order.eid,
            "iccid": order.metadata.iccid,
            "profileName": order.metadata.profile_name,
            "size": len(order.package),
            "confirmationCode": order.confirmation_hash is not None,
            "protectionKeys": order.use_protection_keys,
            "policyRules": list(order.metadata.policy_rules),
            "downloads": order.downloads,
            "downloadLimit": order.download_limit,
            "wrongCodes": order.wrong_codes,
            "codeLimit": order.code_limit,
            "expires": order.expires.isoformat() if order.expires else None,
            "event": order.event,
            "history": order.history,
        }

    def _of(self, name: str, handler: Any) -> Handler:
        async def handle(call: Call) -> Any:
            endpoint = self._rsp.smdp if name == SMDP else self._rsp.smds
            return handler(endpoint, call)

        return handle


def _summary(endpoint: RspEndpoint[Any]) -> dict[str, Any]:
    return {
        "fqdn": endpoint.fqdn,
        "url": endpoint.url,
        "oid": endpoint.oid,
        "leaf": endpoint.leaf.value,
        "relay": door_json(endpoint.relay),
    }


def _faults(endpoint: RspEndpoint[RspServer], _call: Call) -> Any:
    """Faults that wait."""
    return {"faults": [asdict(fault) for fault in endpoint.server.faults.faults]}


def _add_fault(endpoint: RspEndpoint[RspServer], call: Call) -> Any:
    """Add one: {"kind", "function"?, "times"?, "after"?, "value"?, "seconds"?, "text"?}."""
    try:
        endpoint.server.faults.add(load(Fault, call.body, "fault"))
    except DataError as error:
        raise CallError(str(error)) from error
    return _faults(endpoint, call)


def _clear_faults(endpoint: RspEndpoint[RspServer], _call: Call) -> Any:
    """Forget them all."""
    endpoint.server.faults.clear()
    return {"faults": []}


def _show_leaf(endpoint: RspEndpoint[RspServer], call: Call) -> Any:
    """Show another TLS certificate: {"leaf": "expired"}."""
    leaf = call.body.get("leaf")
    if leaf not in {member.value for member in Leaf}:
        raise CallError(f"leaf: expected one of {', '.join(Leaf)}, found {leaf!r}")
    try:
        endpoint.show_leaf(Leaf(leaf))
    except PkiError as error:
        raise CallError(str(error), HTTPStatus.CONFLICT) from error
    return {"leaf": leaf}
