"""Packet domain: TS 27.007 10.1.1, 10.1.9, 10.1.10, 10.1.14, 10.1.19, 10.1.23, 10.1.31."""

from __future__ import annotations

from collections.abc import Callable

from hil.modem.command import Command
from hil.modem.device import Device
from hil.modem.packet import MAX_CID, PDP_TYPES
from hil.modem.personality import Personality
from hil.modem.reply import Cme, Reply, refuse

_CIDS = range(MAX_CID + 1)
# Bearer identity of the first session (TS 24.007 11.2.3.1.5: 5 to 15).
_FIRST_BEARER = 5


def handlers(_personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group."""
    return {
        "+CGATT?": lambda device, _command: Reply((f"+CGATT: {int(device.contexts.attached)}",)),
        "+CGATT=": _attach,
        "+CGDCONT?": _definitions,
        "+CGDCONT=": _define,
        "+CGDCONT=?": lambda _device, _command: Reply(
            tuple(f'+CGDCONT: (0-{MAX_CID}),"{kind}",,,(0),(0)' for kind in ("IP", "IPV6", "IPV4V6"))
        ),
        "+CGAUTH=": _authenticate,
        "+CGAUTH?": _authentication,
        "+CGACT?": _activation,
        "+CGACT=": _activate,
        "+CGPADDR": _addresses,
        "+CGPADDR=": _addresses,
        "+CGCONTRDP": _parameters,
        "+CGCONTRDP=": _parameters,
        "+CGEREP=": _events,
        "+CGEREP?": lambda device, _command: Reply((f"+CGEREP: {2 * int(device.packet_events)},0",)),
        "+CGEREP=?": lambda _device, _command: Reply(("+CGEREP: (0-2),(0,1)",)),
    }


def _attach(device: Device, command: Command) -> Reply:
    if command.number(0, among=range(2)):
        device.radio.attach()
    else:
        device.radio.detach()
    return Reply()


def _definitions(device: Device, _command: Command) -> Reply:
    return Reply(
        tuple(
            f'+CGDCONT: {cid},"{definition.pdp_type}","{definition.apn}","0.0.0.0",0,0,0,0'
            for cid, definition in sorted(device.contexts.definitions.items())
        )
    )


def _define(device: Device, command: Command) -> Reply:
    cid = command.number(0, among=_CIDS)
    if len(command.arguments) == 1:
        device.contexts.undefine(cid)
        return Reply()
    pdp_type = command.text(1)
    if pdp_type not in PDP_TYPES:
        raise refuse(Cme.INCORRECT_PARAMETERS)
    device.contexts.define(cid, pdp_type, command.text(2, ""))
    return Reply()


def _authenticate(device: Device, command: Command) -> Reply:
    """The password is taken and forgotten."""
    auth = command.number(1, 0, among=range(3))
    device.contexts.authenticate(command.number(0, among=_CIDS), auth, command.text(2, "") if auth else "")
    return Reply()


def _authentication(device: Device, _command: Command) -> Reply:
    definitions = sorted(device.contexts.definitions.items())
    return Reply(tuple(f'+CGAUTH: {cid},{entry.auth},"{entry.user}"' for cid, entry in definitions if entry.auth))


def _activation(device: Device, _command: Command) -> Reply:
    contexts = device.contexts
    return Reply(tuple(f"+CGACT: {cid},{int(cid in contexts.sessions)}" for cid in sorted(contexts.definitions)))


def _activate(device: Device, command: Command) -> Reply:
    state = command.number(0, among=range(2))
    chosen = [command.number(n, among=_CIDS) for n in range(1, len(command.arguments))]
    for cid in chosen or sorted(device.contexts.definitions):
        if cid not in device.contexts.definitions:
            raise refuse(Cme.INCORRECT_PARAMETERS)
        if state:
            device.contexts.activate(cid)
        else:
            device.contexts.deactivate(cid)
    return Reply()


def _chosen(device: Device, command: Command) -> list[int]:
    cids = [command.number(n, among=_CIDS) for n in range(len(command.arguments))]
    if any(cid not in device.contexts.definitions for cid in cids):
        raise refuse(Cme.INCORRECT_PARAMETERS)
    return cids


def _addresses(device: Device, command: Command) -> Reply:
    lines = []
    for cid in _chosen(device, command) or sorted(device.contexts.definitions):
        session = device.contexts.sessions.get(cid)
        address = session.address if session else device.personality.registration.no_address
        lines.append(f'+CGPADDR: {cid},"{address}"' if address else f"+CGPADDR: {cid}")
    return Reply(tuple(lines))


def _parameters(device: Device, command: Command) -> Reply:
    """Only active contexts are listed; address and mask are one field of eight numbers."""
    lines = []
    for cid in _chosen(device, command) or sorted(device.contexts.sessions):
        session = device.contexts.sessions.get(cid)
        if session is not None:
            fields = ",".join(
                f'"{value}"'
                for value in (session.apn, f"{session.address}.255.255.255.255", session.gateway, *session.dns)
            )
            lines.append(f"+CGCONTRDP: {cid},{_FIRST_BEARER + cid},{fields}")
    return Reply(tuple(lines))


def _events(device: Device, command: Command) -> Reply:
    device.packet_events = command.number(0, 0, among=range(3)) > 0
    return Reply()
