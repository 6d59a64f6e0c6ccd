"""A SM-DP+ and a card under one CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.euicc import VirtualEuicc
from hil.euicc.config import default_card
from hil.pki import Pki
from hil.pki.pki import SMDP_OID, Role
from hil.rsp.authentication import Identity
from hil.smdp.core import SmDpPlus
from hil.smdp.orders import Metadata, Order
from hil.upp.builder import UsimProfile, build
from tests.hil.smdp.lpa import Lpa

ICCID = "8988123456789012345"
IMSI = "001020123456789"
ADDRESS = "smdp.example.com"


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"), eid=default_card().eid)


@pytest.fixture
def card(pki: Pki, tmp_path: Path) -> VirtualEuicc:
    card = VirtualEuicc.create(tmp_path / "card", default_card(), pki)
    card.reset()
    return card


@pytest.fixture
def lpa(card: VirtualEuicc) -> Lpa:
    lpa = Lpa(card)
    lpa.open()
    return lpa


def make_smdp(pki: Pki) -> SmDpPlus:
    identity = Identity(ADDRESS, {pki.ci_key_id: pki[Role.SMDP_AUTH]}, {pki.ci_key_id: pki.ci.certificate})
    return SmDpPlus(identity, SMDP_OID, {pki.ci_key_id: pki[Role.SMDP_PB]})


@pytest.fixture
def smdp(pki: Pki) -> SmDpPlus:
    return make_smdp(pki)


def make_order(matching_id: str = "TEST-1", *, size: int = 0, iccid: str = ICCID, **options: object) -> Order:
    profile = UsimProfile(iccid=iccid, imsi=IMSI, size=size)
    return Order(matching_id, Metadata(iccid=iccid), build(profile), **options)  # type: ignore[arg-type]
