"""Commands of single vendors, switched on by name in a personality: signal, network, readiness, internal LPA."""

from __future__ import annotations

from collections.abc import Callable

from hil.modem.command import Command
from hil.modem.commands.signal import rssi
from hil.modem.device import Device
from hil.modem.personality import Personality
from hil.modem.reply import Cme, Reply, refuse
from hil.modem.sim import SimState


def handlers(personality: Personality) -> dict[str, Callable[[Device, Command], Reply]]:
    """Commands of this group that the personality names."""
    known: dict[str, tuple[str, Callable[[Device, Command], Reply]]] = {
        "+QCSQ": ("", _quectel_signal),
        "+QNWINFO": ("", _quectel_network),
        "+QINISTAT": ("", _quectel_readiness),
        "+CPSI": ("?", _simcom_system),
        "#SIMDET": ("=", _telit_detection),
    }
    unknown = set(personality.vendor) - set(known)
    if unknown:
        raise ValueError(f"{personality.name}: no vendor command {', '.join(sorted(unknown))}")
    table = {name + known[name][0]: known[name][1] for name in personality.vendor}
    if personality.apdu.lpa_command:
        table["+QESIM="] = _quectel_lpa
    return table


def _quectel_signal(device: Device, _command: Command) -> Reply:
    signal = device.radio.signal
    if signal is None or not device.radio.view.registered:
        return Reply(('+QCSQ: "NOSERVICE"',))
    sinr = int((signal.sinr + 20) * 5)
    return Reply((f'+QCSQ: "LTE",{int(rssi(signal))},{int(signal.rsrp)},{sinr},{int(signal.rsrq)}',))


def _quectel_network(device: Device, _command: Command) -> Reply:
    operator = device.radio.view.operator
    if operator is None:
        return Reply(("+QNWINFO: No Service",))
    return Reply((f'+QNWINFO: "FDD LTE","{operator.plmn}","LTE BAND 3",1300',))


def _quectel_readiness(device: Device, _command: Command) -> Reply:
    """Bits: 1 PIN, 2 short messages, 4 phone book."""
    return Reply((f"+QINISTAT: {7 if device.sim.state is SimState.READY else 0}",))


def _simcom_system(device: Device, _command: Command) -> Reply:
    operator, signal = device.radio.view.operator, device.radio.signal
    if operator is None or signal is None:
        return Reply(("+CPSI: NO SERVICE,Online",))
    plmn = f"{operator.plmn[:3]}-{operator.plmn[3:]}"
    levels = f"{int(signal.rsrq * 10)},{int(signal.rsrp * 10)},{int(rssi(signal) * 10)},{int(signal.sinr)}"
    cell = f"0x{operator.tac:04X},{operator.cell},345,EUTRAN-BAND3,1300,4,4"
    return Reply((f"+CPSI: LTE,Online,{plmn},{cell},{levels}",))


def _telit_detection(device: Device, command: Command) -> Reply:
    """0 takes the card out, 1 puts it in, both by command only."""
    if command.number(0, among=range(3)):
        device.sim.start()
    else:
        device.sim.stop()
    return Reply()


def _quectel_lpa(device: Device, command: Command) -> Reply:
    """`"lpa_enable",<0|1>`: counts from the next reset on."""
    if command.text(0) != "lpa_enable":
        raise refuse(Cme.INCORRECT_PARAMETERS)
    if len(command.arguments) == 1:
        return Reply((f'+QESIM: "lpa_enable",{int(device.lpa_enabled)}',))
    device.lpa_enabled = bool(command.number(1, among=range(2)))
    return Reply()
