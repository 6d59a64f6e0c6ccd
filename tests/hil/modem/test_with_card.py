"""The modem with the real virtual eUICC: switch of profile over AT commands, with everything that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from hil import tlv
from hil.clock import ManualClock
from hil.euicc import EuiccKind, PowerLossPoint, VirtualEuicc, default_card
from hil.euicc.identifiers import iccid_octets
from hil.modem import Knobs, VirtualModem, load_personality
from hil.network import Network
from hil.pki import Pki

STORE_DATA_LAST = "80E29100"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"), eid=default_card().eid)


@dataclass
class Device:
    """A powered and registered modem."""

    card: VirtualEuicc
    modem: VirtualModem
    clock: ManualClock
    output: bytearray
    bearer: list[bool]

    def send(self, line: str) -> list[str]:
        self.output.clear()
        self.modem.receive(line.encode() + b"\r")
        return [part.strip() for part in self.output.decode("latin-1").split("\n") if part.strip()]

    def es10(self, session: str, request: bytes) -> bytes:
        """One ES10 request in one block, with the whole answer."""
        apdu, answer = STORE_DATA_LAST + f"{len(request):02X}" + request.hex().upper(), b""
        while True:
            line = self.send(f'AT+CGLA={session},{len(apdu)},"{apdu}"')[0]
            response = bytes.fromhex(line.split('"')[1])
            answer += response[:-2]
            if response[-2] != 0x61:
                assert response[-2:] == b"\x90\x00" or response[-2] == 0x91
                return answer
            apdu = f"80C00000{response[-1]:02X}"

    def open_isdr(self) -> str:
        return self.send('AT+CCHO="A0000005591010FFFFFFFF8900000100"')[0].split(":")[1].strip()

    def enable(self, session: str, iccid: str) -> bytes:
        """EnableProfile with refreshFlag (SGP.22 5.7.16)."""
        identifier = tlv.build(0xA0, tlv.build(0x5A, iccid_octets(iccid)))
        return self.es10(session, tlv.build(0xBF31, identifier + bytes.fromhex("8101FF")))


def device(tmp_path: Path, pki: Pki, personality: str, kind: EuiccKind = EuiccKind.CONSUMER) -> Device:
    clock = ManualClock()
    card = VirtualEuicc.create(tmp_path / "card", default_card(kind), pki)
    modem = VirtualModem(card, Network(), load_personality(personality), clock)
    made = Device(card, modem, clock, bytearray(), [])
    modem.on_output(made.output.extend)
    modem.on_bearer(made.bearer.append)
    modem.power_on()
    clock.advance(5)
    made.send("ATE0+CMEE=1")
    made.send("AT+COPS=3,2")
    return made


def test_modem_reads_the_enabled_profile_and_registers(tmp_path: Path, pki: Pki) -> None:
    made = device(tmp_path, pki, "quectel-eg25", EuiccKind.IOT)
    profile = made.card.profiles[0]
    assert made.send("AT+CIMI")[0] == profile.imsi
    assert made.send("AT+QCCID")[0] == f"+QCCID: {profile.iccid}"
    assert made.send("AT+COPS?")[0] == f'+COPS: 0,2,"{profile.plmn.replace("-", "")}",7'
    assert made.send("AT+CRSM=176,12258,0,0,10")[0].startswith('+CRSM: 144,0,"98')
    assert made.send("AT+CRSM=176,28541,0,0,1")[0] == "+CRSM: 106,130"
    assert made.bearer == [True]


def test_eid_is_read_over_both_access_methods(tmp_path: Path, pki: Pki) -> None:
    made = device(tmp_path, pki, "plain", EuiccKind.IOT)
    expected = bytes.fromhex("BF3E125A10" + made.card.eid)
    session = made.open_isdr()
    assert made.es10(session, bytes.fromhex("BF3E035C015A")) == expected
    assert made.send(f"AT+CCHC={session}") == ["OK"]
    assert made.send('AT+CSIM=10,"0070000001"')[0] == '+CSIM: 6,"019000"'
    made.send('AT+CSIM=42,"01A4040010A0000005591010FFFFFFFF8900000100"')
    assert made.send('AT+CSIM=22,"81E2910006BF3E035C015A"')[0] == '+CSIM: 4,"6115"'
    assert made.send('AT+CSIM=10,"01C0000015"')[0] == f'+CSIM: 46,"{expected.hex().upper()}9000"'


@pytest.mark.parametrize("personality", ["quectel-eg25", "simcom-a7600", "ublox-sara-r5", "sierra-em7565", "plain"])
def test_enable_drops_and_regains_the_network_with_the_new_identity(tmp_path: Path, pki: Pki, personality: str) -> None:
    made = device(tmp_path, pki, personality)
    made.send("AT+CEREG=1")
    target, before = made.card.profiles[1], made.send("AT+CGPADDR=1")[0]
    session = made.open_isdr()
    assert made.enable(session, target.iccid).hex() == "bf3103800100"
    made.output.clear()
    made.clock.advance(5)
    reported = [part.strip() for part in made.output.decode().split("\n") if "+CEREG" in part]
    assert reported == ["+CEREG: 0", "+CEREG: 2", "+CEREG: 1"]
    assert made.bearer == [True, False, True]
    assert made.send("AT+CIMI")[0] == target.imsi
    assert made.send("AT+COPS?")[0] == f'+COPS: 0,2,"{target.plmn.replace("-", "")}",7'
    assert made.send("AT+CGPADDR=1")[0] != before
    assert made.send(f'AT+CGLA={session},22,"80E2910006BF3E035C015A"')[-1] != "OK"
    assert made.es10(made.open_isdr(), bytes.fromhex("BF3E035C015A")).hex().endswith(made.card.eid)


def test_ignored_refresh_is_made_good_by_switching_the_card_off_and_on(tmp_path: Path, pki: Pki) -> None:
    made = device(tmp_path, pki, "plain")
    made.modem.set_knobs(Knobs(ignore_refresh=True))
    old, new = made.card.profiles[0], made.card.profiles[1]
    made.enable(made.open_isdr(), new.iccid)
    made.clock.advance(60)
    assert made.send("AT+CIMI")[0] == old.imsi
    assert made.bearer == [True]
    made.send("AT+CFUN=0")
    made.send("AT+CFUN=1")
    made.clock.advance(5)
    assert made.send("AT+CIMI")[0] == new.imsi


def test_power_loss_during_a_switch_takes_the_device_down_and_it_comes_back(tmp_path: Path, pki: Pki) -> None:
    made = device(tmp_path, pki, "plain")
    lost: list[bool] = []
    made.modem.on_power_loss(lambda: lost.append(True))
    made.card.knobs.power_loss = PowerLossPoint.AFTER_SWITCH
    session, target = made.open_isdr(), made.card.profiles[1]
    identifier = tlv.build(0xA0, tlv.build(0x5A, iccid_octets(target.iccid)))
    request = tlv.build(0xBF31, identifier + bytes.fromhex("8101FF"))
    apdu = STORE_DATA_LAST + f"{len(request):02X}" + request.hex().upper()
    assert made.send(f'AT+CGLA={session},{len(apdu)},"{apdu}"') == []
    assert lost == [True]
    assert not made.modem.port_present
    made.modem.power_on()
    made.clock.advance(5)
    made.send("ATE0")
    assert made.send("AT+CIMI")[0] == target.imsi
