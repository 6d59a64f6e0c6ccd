"""An eIM with the identity of the reference messages."""

import pytest

from hil import crypto
from hil.clock import ManualClock
from hil.eim import EimIdentity, TlsAnchors, VirtualEim
from hil.eim.store import EimStore
from tests.hil.eim import vectors as v


def identity() -> EimIdentity:
    return EimIdentity(
        v.EIM_ID, v.EIM_ID, v.EIM_KEY, TlsAnchors(crypto.spki(v.TLS_KEY), b"", b""), ci_key_id=b"\xf5" * 20
    )


def make_eim(store: EimStore | None = None, transaction_id: bytes = v.TRANSACTION_ID) -> VirtualEim:
    return VirtualEim(identity(), ManualClock(), store, random_bytes=lambda _size: transaction_id)


@pytest.fixture
def eim() -> VirtualEim:
    made = make_eim()
    made.associate(v.EID, public_key=v.EUICC_KEY.public_key(), token=1, counter=4)
    return made
