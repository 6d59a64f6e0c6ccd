"""The first eIM from a file."""

from __future__ import annotations

import pytest

from ipad.codec import tlv
from ipad.codec.eim import AddInitialEimError, AddInitialEimRequest, EimConfigurationData
from ipad.errors import CodecError, EuiccResultError
from ipad.procedures.eim_configuration import AddedEim, add_initial_eim, fingerprint, read_initial_eims
from tests.fakes.card_state import CardState
from tests.fakes.euicc import FakeEuicc
from tests.fakes.packages import eim_configuration

FIRST = eim_configuration("first.example.com", counter=0, token=-1)
SECOND = eim_configuration("second.example.com", counter=3)
BARE = FIRST.encode() + SECOND.encode()
REQUEST = AddInitialEimRequest(eim_configuration_data_list=(FIRST, SECOND)).encode()


@pytest.mark.parametrize(
    "data",
    [REQUEST, tlv.tlv(0xA0, BARE), tlv.tlv(0x30, BARE), BARE],
    ids=["request", "tagged list", "sequence of", "concatenated"],
)
def test_all_forms_of_a_file(data: bytes) -> None:
    assert [eim.encode() for eim in read_initial_eims(data)] == [FIRST.encode(), SECOND.encode()]


def test_one_bare_entry() -> None:
    assert read_initial_eims(FIRST.encode()) == (FIRST,)


def without(name: str) -> bytes:
    fields = {"counter_value": 0x83, "eim_public_key_data": 0xA5, "eim_id": 0x80}
    element = tlv.read_single(FIRST.encode())
    kept = [bytes(child.raw) for child in tlv.children(element.value) if child.tag != fields[name]]
    return tlv.tlv(0x30, *kept)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty"),
        (b"\xa0\x00", "no eIM"),
        (REQUEST[:-1], "says"),
        (REQUEST + b"\x00", "tag 00"),
        (bytes.fromhex("BF5500"), "expected tag 30"),
        (b"{}", "expected tag 30|says|cut off"),
        (without("counter_value"), "counterValue is missing"),
        (without("eim_public_key_data"), "eimPublicKeyData is missing"),
        (without("eim_id"), "eim_id"),
        (FIRST.encode() * 2, "occurs twice"),
        (eim_configuration(counter=0, token=5).encode(), "expected -1"),
    ],
)
def test_wrong_files_are_refused_with_the_reason(data: bytes, complaint: str) -> None:
    with pytest.raises(CodecError, match=complaint):
        read_initial_eims(data)


@pytest.mark.asyncio
async def test_tokens_come_back_in_order() -> None:
    euicc = FakeEuicc(CardState())
    report = await add_initial_eim(euicc, read_initial_eims(REQUEST))
    assert report.added == (
        AddedEim(eim_id="first.example.com", association_token=1),
        AddedEim(eim_id="second.example.com", association_token=None),
    )
    assert not report.already_provisioned


@pytest.mark.asyncio
async def test_repeated_provisioning_changes_nothing_and_is_no_error() -> None:
    euicc = FakeEuicc(CardState())
    await add_initial_eim(euicc, (FIRST,))
    report = await add_initial_eim(euicc, (SECOND,))
    assert report.already_provisioned
    assert list(euicc.state.eims) == ["first.example.com"]


@pytest.mark.asyncio
async def test_any_other_refusal_is_an_error() -> None:
    euicc = FakeEuicc(CardState())
    euicc.fail["add_initial_eim"] = EuiccResultError("AddInitialEim", AddInitialEimError.CI_PK_UNKNOWN)
    with pytest.raises(EuiccResultError, match="ciPkUnknown"):
        await add_initial_eim(euicc, (FIRST,))


def test_fingerprint_follows_every_byte() -> None:
    assert fingerprint((FIRST, SECOND)) != fingerprint((SECOND, FIRST))
    assert fingerprint((FIRST,)) == fingerprint((EimConfigurationData.decode(FIRST.encode()),))
