"""Control API: how the eIMs are reached: TLS, CoAPS, injection."""

from __future__ import annotations

import dataclasses
from http import HTTPStatus
from typing import Any

from hil.coap import Refusal
from hil.control import Call, CallError, Route
from hil.eim import UnknownEuiccError
from hil.eim.tls import Leaf
from hil.json_fields import FieldError, Fields
from hil.modem.loading import DataError, change, load
from hil.pki import PkiError
from hil.rig.eim_routes import endpoint_of
from hil.rig.injection import InjectionOrder, carry_out
from hil.rig.rig import Rig
from hil.rig.timeline import Interface
from hil.rig.turning import plain


class BindingRoutes:
    """Handlers of /eim/{eim}/tls, /eim/{eim}/coap and /eim/{eim}/inject."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("GET", "/eim/{eim}/tls", self.show_tls),
            Route("POST", "/eim/{eim}/tls", self.tls),
            Route("GET", "/eim/{eim}/coap", self.show_coap),
            Route("POST", "/eim/{eim}/coap", self.coap),
            Route("POST", "/eim/{eim}/coap/refusals", self.refuse),
            Route("DELETE", "/eim/{eim}/coap/refusals", self.clear_refusals),
            Route("POST", "/eim/{eim}/coap/end", self.end),
            Route("POST", "/eim/{eim}/inject", self.inject),
        ]

    async def show_tls(self, call: Call) -> Any:
        """Certificate and options of TLS."""
        endpoint = endpoint_of(self._rig, call)
        return {"leaf": endpoint.server.leaf.value, **plain(endpoint.server.tls)}

    async def tls(self, call: Call) -> Any:
        """{"leaf"?, "maximum"?, "tickets"?, "session_tickets"?, "forget"?}.

        The certificate is that of DTLS too, the rest is of HTTPS; `forget` true: no session of before is resumed.
        """
        endpoint = endpoint_of(self._rig, call)
        options = dict(call.body)
        leaf, forget = options.pop("leaf", None), options.pop("forget", False)
        if leaf is not None and leaf not in {member.value for member in Leaf}:
            raise CallError(f"leaf: expected one of {', '.join(Leaf)}, found {leaf!r}")
        try:
            knobs = change(endpoint.server.tls, options, "tls")
            if leaf is not None:
                endpoint.show_leaf(Leaf(leaf))
        except ValueError as error:
            raise CallError(str(error)) from error
        except PkiError as error:
            raise CallError(str(error), HTTPStatus.CONFLICT) from error
        endpoint.server.turn_tls(knobs)
        if forget:
            await endpoint.server.forget_sessions()
        return await self.show_tls(call)

    async def show_coap(self, call: Call) -> Any:
        """Knobs of CoAP and DTLS, and what the endpoint counted."""
        coaps = endpoint_of(self._rig, call).coaps
        return {
            **plain(coaps.knobs),
            **plain(coaps.dtls_knobs),
            "counters": {**plain(coaps.endpoint.counters), **plain(coaps.endpoint.dtls.counters)},
        }

    async def coap(self, call: Call) -> Any:
        """Change the named knobs, none when one of them is wrong."""
        try:
            endpoint_of(self._rig, call).coaps.turn(call.body)
        except DataError as error:
            raise CallError(str(error)) from error
        return await self.show_coap(call)

    async def refuse(self, call: Call) -> Any:
        """Answer an error instead of asking the eIM: {"code", "times"?, "after"?, "max_age"?}."""
        try:
            refusal = load(Refusal, call.body, "refusal")
        except DataError as error:
            raise CallError(str(error)) from error
        refusals = endpoint_of(self._rig, call).coaps.knobs.refusals
        refusals.append(refusal)
        return {"refusals": plain(refusals)}

    async def clear_refusals(self, call: Call) -> Any:
        """Forget all refusals."""
        endpoint_of(self._rig, call).coaps.knobs.refusals.clear()
        return {"refusals": []}

    async def end(self, call: Call) -> Any:
        """{"what": "sessions"}: resume none of before; "associations": forget them too, without a word; "close": end
        them with close_notify."""
        coaps = endpoint_of(self._rig, call).coaps
        what = call.body.get("what")
        if what == "close":
            coaps.close_associations()
        elif what in ("sessions", "associations"):
            coaps.forget_sessions(associations=what == "associations")
        else:
            raise CallError(f"what: expected one of sessions, associations, close, found {what!r}")
        return {"ended": what}

    async def inject(self, call: Call) -> Any:
        """Send what is queued to the server of an IPA: an `InjectionOrder`, and `eid` for another eUICC."""
        endpoint, body = endpoint_of(self._rig, call), dict(call.body)
        eid = body.pop("eid", None)
        try:
            order = load(InjectionOrder, body, "injection")
            octets = self._rig.eid if eid is None else Fields({"eid": eid}, "injection").octets("eid") or b""
            self._rig.timeline.note(Interface.BENCH, "", f"{endpoint.name} injects to {order.url}")
            outcomes = await carry_out(order, endpoint, octets, self._rig.link)
        except UnknownEuiccError as error:
            raise CallError(str(error), HTTPStatus.NOT_FOUND) from error
        except (FieldError, ValueError) as error:
            raise CallError(str(error)) from error
        except OSError as error:
            raise CallError(str(error), HTTPStatus.CONFLICT) from error
        for outcome in outcomes:
            note = f"{endpoint.name} injection: {outcome.end} {outcome.status} {outcome.detail}"
            self._rig.timeline.note(Interface.ESIPA, "", note.rstrip())
        return {"outcomes": [{**dataclasses.asdict(outcome), "ok": outcome.ok} for outcome in outcomes]}
