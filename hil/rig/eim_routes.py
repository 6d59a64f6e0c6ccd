"""Control API: everything about the eIMs."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from hil.control import Call, CallError, Route
from hil.crypto import CryptoError, public_key_from_spki
from hil.eim import UnknownEuiccError
from hil.eim.association import Association, Package, to_json
from hil.eim.faults import Fault
from hil.eim.history import RecordKind
from hil.eim.orders import read_order
from hil.json_fields import FieldError, Fields
from hil.modem.loading import DataError, load
from hil.rig.endpoint import EimEndpoint
from hil.rig.rig import Rig
from hil.rig.timeline import Interface


def endpoint_of(rig: Rig, call: Call) -> EimEndpoint:
    """The eIM that the path of a call names. Raises CallError when there is none."""
    name = call.names["eim"]
    try:
        return rig.eim(name)
    except KeyError:
        known = ", ".join(rig.eims)
        raise CallError(f"there is no eIM {name!r}, there are {known}", HTTPStatus.NOT_FOUND) from None


class EimRoutes:
    """Handlers below /eim."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("GET", "/eim", self.names),
            Route("GET", "/eim/{eim}", self.show),
            Route("GET", "/eim/{eim}/packages", self.packages),
            Route("GET", "/eim/{eim}/packages/{number}", self.package),
            Route("POST", "/eim/{eim}/queue", self.queue),
            Route("POST", "/eim/{eim}/cancel", self.cancel),
            Route("GET", "/eim/{eim}/results", self.results),
            Route("POST", "/eim/{eim}/associate", self.associate),
            Route("GET", "/eim/{eim}/faults", self.faults),
            Route("POST", "/eim/{eim}/faults", self.add_fault),
            Route("DELETE", "/eim/{eim}/faults", self.clear_faults),
            Route("GET", "/eim/{eim}/configuration", self.configuration),
        ]

    async def names(self, _call: Call) -> Any:
        """The eIMs."""
        return {"eims": [_summary(endpoint) for endpoint in self._rig.eims.values()]}

    async def show(self, call: Call) -> Any:
        """One eIM with its associations, without their packages."""
        endpoint = endpoint_of(self._rig, call)
        shown = [_association(association) for association in endpoint.core.associations]
        return {**_summary(endpoint), "associations": shown}

    async def packages(self, call: Call) -> Any:
        """All packages of an eUICC (query `eid`, default: the rig's card)."""
        association = self._association(call, call.query.get("eid"))
        return {"packages": [_package(package) for package in association.packages]}

    async def package(self, call: Call) -> Any:
        """One package with its records."""
        core, association = endpoint_of(self._rig, call).core, self._association(call, call.query.get("eid"))
        number = call.names["number"]
        package = association.package(int(number)) if number.isdecimal() else None
        if package is None:
            raise CallError(f"there is no package {number}", HTTPStatus.NOT_FOUND)
        records = [record.to_json() for record in core.history.records if record.number in package.records]
        return {**_package(package), "results": records}

    async def queue(self, call: Call) -> Any:
        """Queue an order; member `eid` addresses another eUICC than the rig's card."""
        body = dict(call.body)
        association = self._association(call, body.pop("eid", None))
        try:
            order = read_order(body, self._rig.configuration)
        except (FieldError, ValueError) as error:
            raise CallError(str(error)) from error
        package = endpoint_of(self._rig, call).core.queue(association.eid, order.content, order.faults)
        self._rig.timeline.note(
            Interface.BENCH, "", f"{call.names['eim']} queues package {package.number}: {package.content.label}"
        )
        return _package(package)

    async def cancel(self, call: Call) -> Any:
        """Close a waiting package: {"number": n}."""
        fields = Fields(call.body, "cancel")
        association = self._association(call, fields.take("eid", str))
        try:
            package = endpoint_of(self._rig, call).core.cancel(association.eid, _required(fields, "number"))
        except UnknownEuiccError as error:
            raise CallError(str(error), HTTPStatus.NOT_FOUND) from error
        self._rig.timeline.note(Interface.BENCH, "", f"{call.names['eim']} cancels package {package.number}")
        return _package(package)

    async def results(self, call: Call) -> Any:
        """Records with a number above `after`, of one `kind`, of one `package`."""
        after = call.number("after", 0) or 0
        kind = call.query.get("kind")
        if kind is not None and kind not in {member.value for member in RecordKind}:
            raise CallError(f"kind: expected one of {', '.join(RecordKind)}, found {kind!r}")
        package = call.number("package")
        found = [
            record
            for record in endpoint_of(self._rig, call).core.history.records
            if record.number > after
            and kind in (None, record.kind.value)
            and (package is None or record.package == package)
        ]
        return {"results": [record.to_json() for record in found]}

    async def associate(self, call: Call) -> Any:
        """Manage an eUICC: {"eid", "certificate"?, "publicKey"?, "token"?, "counter"?}, binary in hex."""
        fields = Fields(call.body, "associate")
        try:
            eid = fields.octets("eid", required=True) or b""
            key = fields.octets("publicKey")
            association = endpoint_of(self._rig, call).core.associate(
                eid,
                public_key=None if key is None else public_key_from_spki(key),
                certificate=fields.octets("certificate"),
                eum_certificate=fields.octets("eumCertificate"),
                token=fields.take("token", int),
                counter=fields.take("counter", int, 0),
            )
            fields.finish()
        except (FieldError, CryptoError, ValueError) as error:
            raise CallError(str(error)) from error
        return _association(association)

    async def faults(self, call: Call) -> Any:
        """HTTP faults that wait."""
        return {"faults": [asdict(fault) for fault in endpoint_of(self._rig, call).server.faults.faults]}

    async def add_fault(self, call: Call) -> Any:
        """Add an HTTP fault: {"kind", "function"?, "times"?, "after"?, "value"?, "seconds"?}."""
        try:
            fault = load(Fault, call.body, "fault")
        except DataError as error:
            raise CallError(str(error)) from error
        endpoint_of(self._rig, call).server.faults.add(fault)
        return await self.faults(call)

    async def clear_faults(self, call: Call) -> Any:
        """Forget all HTTP faults."""
        endpoint_of(self._rig, call).server.faults.clear()
        return {"faults": []}

    async def configuration(self, call: Call) -> Any:
        """EimConfigurationData and AddInitialEimRequest (DER in hex)."""
        core = endpoint_of(self._rig, call).core
        return {
            "eimConfigurationData": self._rig.configuration(call.names["eim"]).hex().upper(),
            "addInitialEimRequest": core.identity.add_initial_eim().hex().upper(),
        }

    def _association(self, call: Call, eid: str | None) -> Association:
        try:
            return endpoint_of(self._rig, call).core.association(self._rig.eid if eid is None else bytes.fromhex(eid))
        except UnknownEuiccError as error:
            raise CallError(str(error), HTTPStatus.NOT_FOUND) from error
        except (ValueError, TypeError):
            raise CallError(f"eid: expected 32 digits, found {eid!r}") from None


def _required(fields: Fields, name: str) -> int:
    try:
        return int(fields.take(name, int, required=True))
    except FieldError as error:
        raise CallError(str(error)) from error


def _summary(endpoint: EimEndpoint) -> dict[str, Any]:
    core = endpoint.core
    return {
        "name": endpoint.name,
        "eimId": core.identity.eim_id,
        "eimFqdn": endpoint.fqdn,
        "url": endpoint.url,
        "jsonUrl": endpoint.json_url,
        "coapsUrl": endpoint.coaps_url,
        "leaf": endpoint.server.leaf.value,
        "connections": endpoint.server.connections,
        "records": len(core.history.records),
        "waiting": sum(package.open for association in core.associations for package in association.packages),
    }


def _association(association: Association) -> dict[str, Any]:
    shown = to_json(association)
    del shown["packages"], shown["seen"]
    return {**shown, "waiting": sum(package.open for package in association.packages)}


def _package(package: Package) -> dict[str, Any]:
    return {
        "number": package.number,
        "type": package.content.kind.value,
        "label": package.content.label,
        "state": package.state.value,
        "outcome": package.outcome.value if package.outcome else None,
        "detail": package.detail,
        "eimTransactionId": package.transaction_id.hex().upper() if package.transaction_id else None,
        "counterValue": package.counter,
        "handedOut": len(package.handed_out),
        "records": package.records,
    }
