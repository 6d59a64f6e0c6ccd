"""The operator of several eIMs: what an addEim result tells about the eIM that was added."""

from __future__ import annotations

from typing import Any

import pytest

from hil import crypto
from hil.clock import ManualClock
from hil.eim import EimIdentity, TlsAnchors, VirtualEim, content
from hil.eim.history import Record, RecordKind
from hil.rig.operator import AssociationKeeper
from tests.hil.eim import vectors as v


def an_eim(eim_id: str) -> VirtualEim:
    identity = EimIdentity(eim_id, eim_id, v.EIM_KEY, TlsAnchors(crypto.spki(v.TLS_KEY), b"", b""))
    made = VirtualEim(identity, ManualClock(), random_bytes=lambda _size: v.TRANSACTION_ID)
    made.associate(v.EID, public_key=v.EUICC_KEY.public_key(), token=1, counter=4)
    return made


@pytest.mark.parametrize(
    ("result", "token"),
    [
        ({"associationToken": 9}, 9),
        ({"addEimResultCode": 0}, None),
        ({"addEimResultCode": 2}, 1),
    ],
    ids=["with a token", "without a token", "refused"],
)
def test_added_eim_signs_with_the_token_of_its_new_association(result: dict[str, Any], token: int | None) -> None:
    first, second = an_eim("one.example.com"), an_eim("two.example.com")
    keeper = AssociationKeeper({eim.identity.eim_id: eim for eim in (first, second)})
    package = first.queue(v.EID, content.eco_package(content.add_eim(second.identity.configuration())))
    decoded = {
        "euiccPackageResultSigned": {"euiccPackageResultDataSigned": {"euiccResult": [{"addEimResult": result}]}}
    }
    record = Record(
        1, 0.0, v.EID.hex(), RecordKind.RESULT, "ProvideEimPackageResult", "", package=package.number, decoded=decoded
    )
    keeper.listener(first)(record)
    assert second.association(v.EID).token == token
