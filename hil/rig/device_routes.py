"""Control API: card, modem, network, knobs, timeline, and waiting for something."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final

from hil.aka import AkaKey
from hil.control import Call, CallError, Route
from hil.euicc import EuiccError, PowerLoss
from hil.json_fields import FieldError, Fields
from hil.modem.loading import load
from hil.network import Service, Signal
from hil.rig.link_routes import door_json
from hil.rig.rig import Rig
from hil.rig.timeline import Interface
from hil.rig.turning import DataError, knob_values, parts, plain, turn

_LONGEST_WAIT: Final = 300.0
_CONDITIONS: Final = "idle, bearer, records, event, port or order"


class DeviceRoutes:
    """Handlers of everything but the eIMs."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("GET", "/state", self.state),
            Route("GET", "/card", self.card),
            Route("POST", "/card/reset", self.reset_card),
            Route("GET", "/modem", self.modem),
            Route("POST", "/modem/power", self.power),
            Route("POST", "/modem/hang-up", self.hang_up),
            Route("POST", "/modem/restart", self.restart),
            Route("GET", "/network/service", self.granted),
            Route("POST", "/network/service", self.service),
            Route("POST", "/network/signal", self.signal),
            Route("POST", "/network/subscriber", self.subscriber),
            Route("DELETE", "/network/service", self.clear_services),
            Route("POST", "/relay", self.relay),
            Route("GET", "/knobs", self.all_knobs),
            Route("GET", "/knobs/{part}", self.knobs),
            Route("POST", "/knobs/{part}", self.turn_knobs),
            Route("GET", "/trace", self.trace),
            Route("POST", "/trace", self.mark),
            Route("GET", "/wait", self.wait),
        ]

    async def state(self, call: Call) -> Any:
        """Everything in one object."""
        rig = self._rig
        return {
            "eid": rig.card.eid,
            "card": await self.card(call),
            "modem": await self.modem(call),
            "eims": {
                name: {
                    "eimId": endpoint.core.identity.eim_id,
                    "waiting": sum(package.open for item in endpoint.core.associations for package in item.packages),
                    "records": len(endpoint.core.history.records),
                    "relay": door_json(endpoint.relay),
                }
                for name, endpoint in rig.eims.items()
            },
            "orders": {} if rig.rsp is None else {str(order.number): order.state.value for order in rig.rsp.orders},
            "totals": {interface.value: asdict(totals) for interface, totals in rig.timeline.totals.items()},
            "lastEvent": rig.timeline.last_number,
        }

    async def card(self, _call: Call) -> Any:
        """Profiles, eIMs and what waits on the card."""
        card = self._rig.card
        state = card.engine.state
        return {
            "eid": card.eid,
            "kind": card.engine.config.kind.value,
            "profiles": [asdict(profile) for profile in card.profiles],
            "visibleIccid": card.visible_iccid,
            "eims": [
                {
                    "eimId": eim.eim_id,
                    "eimFqdn": eim.fqdn,
                    "counterValue": eim.counter_value,
                    "associationToken": eim.association_token,
                }
                for eim in state.eims
            ],
            "notifications": [item.sequence_number for item in state.notifications],
            "packageResults": [item.sequence_number for item in state.results],
            "rollbackPossible": state.rollback is not None,
            "defaultSmdpAddress": state.default_smdp_address,
            "nextSequenceNumber": state.next_sequence_number,
        }

    async def reset_card(self, call: Call) -> Any:
        """A reset of the card that nobody asked for; volatile state is lost."""
        try:
            self._rig.holder.reset()
        except (EuiccError, PowerLoss) as error:
            raise CallError(str(error), HTTPStatus.CONFLICT) from error
        return await self.card(call)

    async def modem(self, _call: Call) -> Any:
        """Modem, registration, bearer, counters."""
        modem = self._rig.modem
        view = modem.device.radio.view
        subscriber = modem.device.radio.subscriber
        return {
            "personality": self._rig.options.personality,
            "tty": str(self._rig.tty),
            "port": modem.port_present,
            "powered": modem.device.powered,
            "booted": modem.device.booted,
            "registered": view.registered,
            "plmn": view.operator.plmn if view.operator else None,
            "imsi": subscriber.imsi if subscriber else None,
            "bearer": self._rig.bearer,
            "counters": asdict(modem.counters),
        }

    async def power(self, call: Call) -> Any:
        """{"on": true | false}."""
        wanted = call.body.get("on")
        if not isinstance(wanted, bool):
            raise CallError("on: expected true or false")
        if wanted:
            self._rig.modem.power_on()
        else:
            self._rig.modem.power_off()
        return await self.modem(call)

    async def hang_up(self, call: Call) -> Any:
        """The port vanishes for {"seconds": 1.0}."""
        self._rig.modem.hang_up(_seconds(call, 1.0))
        return await self.modem(call)

    async def restart(self, call: Call) -> Any:
        """Reset the modem."""
        self._rig.modem.device.restart()
        return await self.modem(call)

    async def granted(self, call: Call) -> Any:
        """What `POST` has set for exactly `imsi` and `plmn` of the query, else what everybody is granted."""
        imsi, plmn = call.query.get("imsi", ""), call.query.get("plmn", "")
        network = self._rig.network
        service = network.entry(imsi=imsi, plmn=plmn) or network.default_service
        return {"imsi": imsi, "plmn": plmn, "service": plain(service)}

    async def service(self, call: Call) -> Any:
        """What networks grant: {"imsi"?, "plmn"?, and members of Service}."""
        body = dict(call.body)
        imsi, plmn = body.pop("imsi", ""), body.pop("plmn", "")
        if not isinstance(imsi, str) or not isinstance(plmn, str):
            raise CallError("imsi and plmn are digits in a text")
        try:
            service = load(Service, body, "service")
        except DataError as error:
            raise CallError(str(error)) from error
        self._rig.network.set_service(service, imsi=imsi, plmn=plmn)
        self._rig.timeline.note(Interface.BENCH, "", f"service for IMSI {imsi or 'any'} on {plmn or 'any'}: {body}")
        return {"imsi": imsi, "plmn": plmn, "service": plain(service)}

    async def subscriber(self, call: Call) -> Any:
        """The key with which an operator challenges a subscriber: {"imsi", "key", "opc"?, "algorithm"?}."""
        fields = Fields(call.body, "subscriber")
        try:
            imsi = fields.take("imsi", str, required=True)
            key = fields.octets("key", required=True) or b""
            shared = AkaKey(fields.take("algorithm", int, 1), key, fields.octets("opc") or b"")
            fields.finish()
        except FieldError as error:
            raise CallError(str(error)) from error
        if not shared.known:
            raise CallError("subscriber: expected a key and, for Milenage, an OPc of 16 bytes each")
        self._rig.network.enrol(imsi, shared)
        return {"imsi": imsi}

    async def clear_services(self, _call: Call) -> Any:
        """Back to the default for everybody."""
        self._rig.network.clear_services()
        return {}

    async def signal(self, call: Call) -> Any:
        """Coverage of one operator: {"plmn", "signal": {"rsrp"...} | null}."""
        plmn, signal = call.body.get("plmn"), call.body.get("signal")
        try:
            if not isinstance(plmn, str):
                raise CallError("plmn: expected digits in a text")
            self._rig.network.set_signal(plmn, None if signal is None else load(Signal, signal, "signal"))
        except ValueError as error:
            raise CallError(str(error)) from error
        return {"plmn": plmn, "signal": signal}

    async def relay(self, call: Call) -> Any:
        """{"shut": true} cuts the link, false lets it follow the bearer; /link/cut can do more."""
        shut = call.body.get("shut")
        if not isinstance(shut, bool):
            raise CallError("shut: expected true or false")
        self._rig.force_shut(shut=shut)
        return {name: {"open": relay.is_open} for name, relay in self._rig.relays.items()}

    async def all_knobs(self, _call: Call) -> Any:
        """All knobs of all parts."""
        return {part: knob_values(self._rig, part) for part in parts(self._rig)}

    async def knobs(self, call: Call) -> Any:
        """Knobs of one part."""
        self._check_part(call)
        return knob_values(self._rig, call.names["part"])

    async def turn_knobs(self, call: Call) -> Any:
        """Change knobs of one part."""
        self._check_part(call)
        try:
            values = turn(self._rig, call.names["part"], call.body)
        except DataError as error:
            raise CallError(str(error)) from error
        self._rig.timeline.note(Interface.BENCH, "", f"knobs of {call.names['part']}: {call.body}")
        return values

    def _check_part(self, call: Call) -> None:
        if call.names["part"] not in parts(self._rig):
            known = ", ".join(parts(self._rig))
            raise CallError(f"no part {call.names['part']!r} has knobs, there are {known}", HTTPStatus.NOT_FOUND)

    async def trace(self, call: Call) -> Any:
        """Timeline events with a number above `after`, of one `interface`, at most `limit`."""
        name = call.query.get("interface")
        if name is not None and name not in {interface.value for interface in Interface}:
            raise CallError(f"interface: expected one of {', '.join(Interface)}, found {name!r}")
        limit = call.number("limit")
        events = self._rig.timeline.events(
            int(call.number("after", 0) or 0),
            None if name is None else Interface(name),
            None if limit is None else int(limit),
        )
        return {"events": [event.to_json() for event in events], "lastEvent": self._rig.timeline.last_number}

    async def mark(self, call: Call) -> Any:
        """Write {"text"} into the timeline."""
        text = call.body.get("text")
        if not isinstance(text, str):
            raise CallError("text: expected a text")
        self._rig.timeline.note(Interface.BENCH, "", text)
        return {"lastEvent": self._rig.timeline.last_number}

    async def wait(self, call: Call) -> Any:
        """Answer when every condition of the query holds, or after `timeout` seconds (at most 300).

        Conditions: idle=EIM (nothing waits there), bearer=up|down, records=EIM:N (more than N records),
        event=N (an event with a number above N), port=present|absent, order=N:STATE (of the SM-DP+).
        """
        limit = min(call.number("timeout", 30.0) or 0.0, _LONGEST_WAIT)
        conditions = [self._condition(name, value) for name, value in call.query.items() if name != "timeout"]
        if not conditions:
            raise CallError(f"expected a condition: {_CONDITIONS}")
        changed = asyncio.Event()
        forget = self._rig.timeline.subscribe(lambda _event: changed.set())
        try:
            async with asyncio.timeout(limit):
                while not all(condition() for condition in conditions):
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            return {"met": False, "lastEvent": self._rig.timeline.last_number}
        finally:
            forget()
        return {"met": True, "lastEvent": self._rig.timeline.last_number}

    def _condition(self, name: str, value: str) -> Callable[[], bool]:
        rig = self._rig
        eim, _, count = value.partition(":")
        match name:
            case "idle" | "records" if eim not in rig.eims:
                raise CallError(f"there is no eIM {eim!r}", HTTPStatus.NOT_FOUND)
            case "idle":
                core = rig.eims[eim].core
                return lambda: not any(item.open for known in core.associations for item in known.packages)
            case "records" if count.isdecimal():
                history = rig.eims[eim].core.history
                return lambda: len(history.records) > int(count)
            case "bearer" if value in ("up", "down"):
                return lambda: rig.bearer == (value == "up")
            case "order" if rig.rsp is not None and eim.isdecimal():
                order = rig.rsp.core.orders.numbered(int(eim))
                if order is None:
                    raise CallError(f"there is no order {eim}", HTTPStatus.NOT_FOUND)
                return lambda: order.state.value == count
            case "port" if value in ("present", "absent"):
                return lambda: rig.modem.port_present == (value == "present")
            case "event" if value.isdecimal():
                return lambda: rig.timeline.last_number > int(value)
            case _:
                raise CallError(f"{name}={value} is no condition: expected {_CONDITIONS}")


def _seconds(call: Call, default: float) -> float:
    value = call.body.get("seconds", default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise CallError(f"seconds: expected a number of at least 0, found {value!r}")
    return float(value)
