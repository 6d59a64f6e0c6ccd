"""Events of the virtual SM-DS, asked for by the virtual eUICC."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil import codec, tlv
from hil.euicc import VirtualEuicc
from hil.euicc.config import default_card
from hil.pki import Pki
from hil.pki.pki import Role
from hil.rsp import status
from hil.rsp.authentication import Identity
from hil.rsp.status import RspStatus
from hil.smds.core import Event, SmDs
from tests.hil.smdp.lpa import DEVICE_INFO, Lpa

ADDRESS = "smds.example.com"


@pytest.fixture
def lpa(tmp_path: Path) -> Lpa:
    pki = Pki.generate(tmp_path / "pki", eid=default_card().eid)
    card = VirtualEuicc.create(tmp_path / "card", default_card(), pki)
    card.reset()
    lpa = Lpa(card)
    lpa.open()
    return lpa


@pytest.fixture
def smds(tmp_path: Path, lpa: Lpa) -> SmDs:
    pki = Pki.load(tmp_path / "pki")
    identity = Identity(
        ADDRESS,
        {pki.ci_key_id: pki[Role.SMDS_AUTH]},
        {pki.ci_key_id: pki.ci.certificate},
        status.SMDS_CODES,
    )
    assert lpa.card.eid
    return SmDs(identity)


def ask(lpa: Lpa, smds: SmDs, matching_id: str = "") -> list[Event]:
    asked = smds.initiate_authentication(lpa.challenge(), lpa.call(bytes.fromhex("BF2000"))[0], ADDRESS)
    context = codec.encode(
        "CtxParams1", ("ctxParamsForCommonAuthentication", {"matchingId": matching_id, "deviceInfo": DEVICE_INFO})
    )
    parts = (
        asked.server_signed1,
        asked.server_signature1,
        tlv.build(0x04, asked.ci_key_id),
        asked.certificate,
        context,
    )
    return smds.authenticate_client(asked.transaction_id, lpa.call(tlv.build(0xBF38, *parts))[0])


def test_euicc_learns_only_its_own_events(lpa: Lpa, smds: SmDs) -> None:
    own = Event(lpa.card.eid, "EVENT-1", "smdp.example.com")
    smds.register(own)
    smds.register(Event("89049032000000000000000000000021", "EVENT-2", "smdp.example.com"))
    assert ask(lpa, smds) == [own]
    assert ask(lpa, smds, "EVENT-1") == [own]
    smds.delete(lpa.card.eid, "EVENT-1")
    assert ask(lpa, smds) == []


def test_unknown_event_and_address_are_refused(lpa: Lpa, smds: SmDs) -> None:
    with pytest.raises(RspStatus) as caught:
        ask(lpa, smds, "EVENT-9")
    assert caught.value.code == status.UNKNOWN_EVENT
    with pytest.raises(RspStatus) as caught:
        smds.initiate_authentication(bytes(16), lpa.call(bytes.fromhex("BF2000"))[0], "smdp.example.com")
    assert caught.value.code == status.INVALID_SMDS_ADDRESS


def test_transaction_is_used_once_and_event_registered_once(lpa: Lpa, smds: SmDs) -> None:
    event = Event(lpa.card.eid, "EVENT-1", "smdp.example.com")
    smds.register(event)
    with pytest.raises(ValueError, match="EVENT-1"):
        smds.register(event)
    with pytest.raises(RspStatus) as caught:
        smds.authenticate_client(bytes(16), b"")
    assert caught.value.code == status.UNKNOWN_TRANSACTION
