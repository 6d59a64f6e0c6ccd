"""The SM-DP+ and the SM-DS of the bench as an ability."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from hil.eim.tls import Leaf
from hil.euicc.config import make_iccid
from hil.modem.loading import change, load
from hil.rig.rsp import SMDP, RspServers
from hil.rig.rsp_endpoint import RspEndpoint, RspServer
from hil.rig.timeline import Interface
from hil.rsp.faults import Fault
from hil.smdp.catalogue import activation_code
from hil.smdp.knobs import SmDpKnobs
from hil.smdp.order_form import read_order
from hil.smdp.orders import Order
from hil.suite.abilities import OrderView
from hil.suite.errors import TargetError
from hil.suite.loop import LoopThread
from hil.suite.servers.bench import Bench

_FIRST_OWN: Final = 500
"""ICCIDs and IMSIs that are made up for cases begin here, away from those that the rig makes up."""


class RigSmdp:
    """Both servers. `eid` (32 digits) is that of the device under test."""

    def __init__(self, loop: LoopThread, rig: Bench, eid: str) -> None:
        self._loop = loop
        self._rig = rig
        self._eid = eid
        self._made = 0
        self._leaves: set[str] = set()
        self._reports = (0, 0)

    @property
    def _rsp(self) -> RspServers:
        if self._rig.rsp is None:
            raise TargetError("the bench has no SM-DP+: its PKI cannot issue the certificates")
        return self._rig.rsp

    @property
    def fqdn(self) -> str:
        return self._rsp.smdp.fqdn

    @property
    def smds_fqdn(self) -> str:
        return self._rsp.smds.fqdn

    def order(self, **members: Any) -> OrderView:
        return self._loop.call(lambda: self._order(members))

    def _order(self, members: Mapping[str, Any]) -> OrderView:
        body = dict(members)
        self._made += 1
        if "upp" not in body:
            made_up = {
                "iccid": make_iccid(f"8949000000000002{_FIRST_OWN + self._made:03}"),
                "imsi": f"0010100001{_FIRST_OWN + self._made:05}",
            }
            body["profile"] = {**made_up, **body.get("profile", {})}
        if body.get("matchingId") is None and body.get("eid") is None:
            body["matchingId"] = f"CASE-{self._made:04}"
        if body.get("event") and body.get("eid") is None:
            body["eid"] = self._eid
        order = self._rsp.add(read_order(body, datetime.now(UTC)))
        self._note(f"smdp takes order {order.number}: {order.metadata.profile_name}")
        return self._view(order)

    def state(self, number: int) -> OrderView:
        return self._loop.call(lambda: self._view(self._find(number)))

    def _find(self, number: int) -> Order:
        order = self._rsp.core.orders.numbered(number)
        if order is None:
            raise KeyError(f"there is no order {number}")
        return order

    def _view(self, order: Order) -> OrderView:
        code = activation_code(order, self.fqdn) if order.matching_id else None
        return OrderView(order.number, code, order.metadata.iccid, order.state.value, tuple(order.history))

    def reports(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        core = self._rsp.core
        installed, told = self._reports
        return self._loop.call(
            lambda: {
                "installations": [_plain(report) for report in core.reports[installed:]],
                "notifications": [_plain(event) for event in core.events[told:]],
            }
        )

    def knob(self, **values: Any) -> None:
        def turn() -> None:
            _overwrite(self._rsp.core.knobs, change(self._rsp.core.knobs, values, SMDP))
            self._note(f"knobs of smdp: {values}")

        self._loop.call(turn)

    def fault(self, kind: str, function: str = "any", *, server: str = SMDP, **parameters: Any) -> None:
        rule = load(Fault, {"kind": kind, "function": function, **parameters}, "fault")

        def add() -> None:
            self._endpoint(server).server.faults.add(rule)
            self._note(f"fault of {server}: {kind} at {function} {parameters or ''}")

        self._loop.call(add)

    def clear_faults(self) -> None:
        def clear() -> None:
            for endpoint in self._rsp.endpoints:
                server: RspServer = endpoint.server
                server.faults.clear()
            self._note("no faults of smdp and smds any more")

        self._loop.call(clear)

    def tls(self, leaf: str, *, server: str = SMDP) -> None:
        self._leaves.add(server)
        endpoint = self._endpoint(server)
        self._loop.call(lambda: endpoint.show_leaf(Leaf(leaf)))
        self._loop.run(endpoint.forget_sessions())

    def _endpoint(self, server: str) -> RspEndpoint[Any]:
        found: dict[str, RspEndpoint[Any]] = {endpoint.name: endpoint for endpoint in self._rsp.endpoints}
        return found[server]

    def _note(self, text: str) -> None:
        self._rig.timeline.note(Interface.BENCH, "", text)

    # Life of a case

    def begin(self) -> None:
        """What is reported from now on belongs to the case, and there are no orders but its own."""
        self._loop.call(self._remove_orders)
        core = self._rsp.core
        self._reports = self._loop.call(lambda: (len(core.reports), len(core.events)))

    def calm(self) -> None:
        """As before the case."""
        self._loop.call(self._calm)
        for name in self._leaves:
            self._loop.run(self._endpoint(name).forget_sessions())
        self._leaves.clear()

    def _remove_orders(self) -> None:
        for order in tuple(self._rsp.core.orders):
            self._rsp.remove(order)

    def _calm(self) -> None:
        _overwrite(self._rsp.core.knobs, SmDpKnobs())
        for endpoint in self._rsp.endpoints:
            server: RspServer = endpoint.server
            server.faults.clear()
        for name in self._leaves:
            self._endpoint(name).show_leaf(Leaf.GOOD)
        self._remove_orders()


def _overwrite(target: Any, source: Any) -> None:
    for field in dataclasses.fields(source):
        setattr(target, field.name, getattr(source, field.name))


def _plain(report: Any) -> dict[str, Any]:
    """Members of a report; octets as hexadecimal, an ICCID as its digits."""
    found = dataclasses.asdict(report)
    for name, value in found.items():
        if isinstance(value, bytes):
            digits = "".join(f"{octet & 15:X}{octet >> 4:X}" for octet in value).rstrip("F")
            found[name] = digits if name == "iccid" else value.hex().upper()
    return found
