"""The published examples, executed on a card with their keys, answer byte for byte what they print."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hil import codec, crypto, tlv
from hil.euicc import CardConfig
from hil.euicc.config import EuiccCapabilities
from hil.euicc.state import Emergency, ImmediateEnable
from tests.hil.euicc.bench import (
    CI_PKID,
    DELETE,
    DISABLE,
    EIM_ID,
    ENABLE,
    ICCID1,
    ICCID2,
    LIST,
    OTHER_EID,
    OTHER_KEY,
    Bench,
    eim_record,
    psmo,
    sign_package,
    two_profiles,
)
from tests.vectors.sgp32 import MESSAGES

MakeBench = Callable[[CardConfig], Bench]


def prepared(make: MakeBench, *, sequence: int, counter: int = 0, enabled: int | None = 2) -> Bench:
    bench = make(two_profiles(enabled))
    bench.change(next_sequence_number=sequence, next_association_token=2)
    bench.associate(eim_record(counter))
    return bench


def result_of(vector: str) -> bytes:
    """The BF51 inside an ESipa message."""
    return tlv.find(MESSAGES[vector], 0xBF50, 0xBF51).raw


def test_enable_with_rollback_gives_the_published_result_and_notifications(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=7, counter=4)
    request = tlv.find(MESSAGES["GER6"], 0xBF4F, 0xBF51).raw
    assert bench.es10(request) == result_of("PR1")
    assert [item.metadata.hex().upper() for item in bench.state.notifications] == [
        "BF2F25800108810205200C10736D64702E6578616D706C652E636F6D5A0A98942000000000002272",
        "BF2F25800109810206400C10736D64702E6578616D706C652E636F6D5A0A98942000000000001001",
    ]
    assert bench.es10(MESSAGES["EN1"]) == MESSAGES["EN3"]
    assert bench.es10(MESSAGES["EN2"]) == MESSAGES["EN3"]
    assert bench.es10(request) == result_of("PR3")


def test_rollback_gives_the_published_result(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=7, counter=4)
    bench.es10(tlv.find(MESSAGES["GER6"], 0xBF4F, 0xBF51).raw)
    bench.change(next_sequence_number=19)
    assert bench.es10(MESSAGES["ER11"]) == MESSAGES["ER12"]
    assert [item.result for item in bench.state.results] == [MESSAGES["ER10"]]
    assert bench.state.notifications == ()
    assert bench.es10(MESSAGES["ER11"]) == MESSAGES["ER13"]


def test_list_gives_the_published_result(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=10, enabled=1)
    assert bench.es10(bench.package(LIST, counter=9)) == MESSAGES["ER1"]


def test_list_after_delete_gives_the_published_result(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=11, enabled=1)
    assert bench.es10(MESSAGES["EP3"]) == MESSAGES["ER2"]
    assert [profile.iccid for profile in bench.state.profiles] == [ICCID2]


def test_second_enable_gives_the_published_result(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=12, enabled=None)
    bench.card.knobs.terminate_after_second_switch = True
    assert bench.es10(bench.package(psmo(ENABLE, ICCID1), psmo(ENABLE, ICCID2), counter=6)) == MESSAGES["ER3"]


def test_result_size_overflow_gives_the_published_result(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=13)
    bench.card.knobs.maximum_result_bytes = 40
    no_match = bytes.fromhex("BF2D05A003950101")
    assert bench.es10(bench.package(no_match, LIST, counter=9)) == MESSAGES["ER4"]


def test_rat_gives_the_published_result(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=14)
    assert bench.es10(MESSAGES["EP5"]) == MESSAGES["ER5"]


def test_eim_operations_give_the_published_result(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=16)
    bench.associate(eim_record(eim_id="gone.example.com"))
    entries = tlv.children(tlv.find(MESSAGES["EP10"], 0xBF51, 0x30, 0xA1, 0xA8).value)
    added = tlv.build(0xA8, *(entry.raw for entry in entries if entry.tag != 0x82))
    update = tlv.find(MESSAGES["EP11"], 0xBF51, 0x30, 0xA1, 0xAA).raw
    gone = tlv.build(0xA9, tlv.build(0x80, b"gone.example.com"))
    request = bench.package(added, update, gone, "AB00", counter=15, eco=True)
    assert bench.es10(request) == MESSAGES["ER7"]


def test_adding_a_known_eim_gives_the_published_result(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=17)
    bench.associate(eim_record(eim_id="eim2.example.com"))
    assert bench.es10(MESSAGES["EP10"]) == MESSAGES["ER8"]


def test_deleting_the_last_eim_gives_the_published_result(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=18)
    own = tlv.build(0xA9, tlv.build(0x80, EIM_ID.encode()))
    assert bench.es10(bench.package(own, counter=17, eco=True)) == MESSAGES["ER9"]
    assert bench.es10("BF5500") == MESSAGES["EG4"]


@pytest.mark.parametrize("vector", [name for name in MESSAGES if name.startswith("EP")])
def test_every_published_package_is_accepted(make_bench: MakeBench, vector: str) -> None:
    """Each is executed on a card whose counter is just below; the result is verified with the card's key."""
    counter = codec.decode("EuiccPackageRequest", MESSAGES[vector])["euiccPackageSigned"]["counterValue"]
    bench = prepared(make_bench, sequence=7, counter=counter - 1, enabled=1 if vector in ("EP2", "EP3") else None)
    token = None if vector == "EP14" else 1
    bench.associate(eim_record(counter - 1, token))
    if vector == "EP12":
        bench.associate(eim_record(eim_id="eim2.example.com"))
    answer = bench.es10(MESSAGES[vector])
    kind, value = codec.decode("EuiccPackageResult", answer)
    assert kind == "euiccPackageResultSigned"
    expected = {
        "EP1": [("enableResult", 0)],
        "EP2": [("disableResult", 0)],
        "EP3": [("disableResult", 0), ("deleteResult", 0), ("listProfileInfoResult", ("profileInfoListError", 11))],
        "EP4": [
            (
                "listProfileInfoResult",
                (
                    "profileInfoListOk",
                    [{"iccid": ICCID1, "profileState": 0, "fallbackAttribute": False, "fallbackAllowed": True}],
                ),
            )
        ],
        "EP5": [("getRATResult", [])],
        "EP6": [("configureImmediateEnableResult", 0)],
        "EP7": [("setFallbackAttributeResult", 0)],
        "EP8": [("unsetFallbackAttributeResult", 0)],
        "EP9": [("setDefaultDpAddressResult", {"setDefaultDpAddressResult": 0})],
        "EP10": [("addEimResult", ("associationToken", 2))],
        "EP11": [("updateEimResult", 0)],
        "EP12": [("deleteEimResult", 0)],
        "EP13": [("listEimResult", ("eimIdList", [{"eimId": EIM_ID, "eimIdType": 2}]))],
        "EP14": [("enableResult", 0)],
        "EP15": [("getRATResult", [])],
    }
    assert value["euiccPackageResultDataSigned"]["euiccResult"] == expected[vector]
    data, signature = tlv.children(tlv.find(answer, 0xBF51, 0xA0).value)
    tail = tlv.build(0x84, tlv.integer(token or 0))
    assert crypto.verify(bench.keyring.preferred.key.public_key(), signature.value, data.raw + tail)
    record = bench.state.eim(EIM_ID)
    assert record is not None
    assert record.counter_value == counter


@pytest.mark.parametrize(
    ("vector", "counter", "eid"),
    [("EE1", 5, OTHER_EID), ("EE2", 0x800000, None), ("EE3", 5, None), ("EE4", 5, None), ("EE5", 5, None)],
)
def test_signed_errors_are_the_published_ones(
    make_bench: MakeBench, vector: str, counter: int, eid: str | None
) -> None:
    bench = prepared(make_bench, sequence=7, counter=4)
    if vector == "EE3":
        bench.card.knobs.maximum_package_commands = 0
    if vector == "EE4":
        bench.change(emergency=Emergency(ICCID1, ICCID2))
    if vector == "EE5":
        bench.card.knobs.package_failure = True
    request = bench.package(psmo(ENABLE, ICCID1), counter=counter, **({"eid": eid} if eid else {}))
    before = bench.state
    assert bench.es10(request) == MESSAGES[vector]
    assert bench.state == before


def test_unsigned_errors_are_the_published_ones(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=7, counter=4)
    assert bench.es10(bench.package(LIST, counter=5, key=OTHER_KEY)) == MESSAGES["EU1"]
    bench.associate(eim_record(4, token=None))
    assert bench.es10(bench.package(LIST, counter=5, key=OTHER_KEY, token=None)) == result_of("PR4")
    bench.card.knobs.unsigned_error_code = True
    assert bench.es10(bench.package(LIST, counter=5, eim_id="unknown.example")) == MESSAGES["EU2"]


def test_initial_eim_and_configuration_data_are_the_published_ones(make_bench: MakeBench) -> None:
    bench = make_bench(two_profiles())
    assert bench.es10(MESSAGES["EG1"]) == MESSAGES["EG4"]
    assert bench.es10(MESSAGES["EI1"]) == bytes.fromhex("BF5903800100")
    assert bench.es10(MESSAGES["EA1"]) == MESSAGES["EA3"]
    assert bench.es10(MESSAGES["EG1"]) == MESSAGES["EG3"]
    assert bench.es10(MESSAGES["EG2"]) == MESSAGES["EG3"]
    assert bench.es10(MESSAGES["EA1"]) == MESSAGES["EA5"]
    assert bench.es10(MESSAGES["EI1"]) == MESSAGES["EI2"]
    assert bench.es10(MESSAGES["EZ1"])[-6:] == MESSAGES["EZ2"][-6:]
    assert bench.es10(MESSAGES["EA2"]) == MESSAGES["EA4"]


def test_other_functions_answer_as_published(make_bench: MakeBench) -> None:
    bench = make_bench(two_profiles())
    for request, answer in (
        ("EN1", bytes.fromhex("BF2B02A200")),
        ("EN2", MESSAGES["EN5"]),
        ("EI3", bytes.fromhex("BF5A03800101")),
        ("EM1", MESSAGES["EM2"]),
        ("EF3", bytes.fromhex("BF5E03800106")),
        ("EX1", MESSAGES["EX3"]),
        ("EZ3", MESSAGES["EZ4"]),
    ):
        assert bench.es10(MESSAGES[request]) == answer
    bench.change(immediate_enable=ImmediateEnable(enabled=True))
    assert bench.es10(MESSAGES["EI3"]) == MESSAGES["EI4"]
    bench.change_profile(ICCID2, http_params=bytes.fromhex("350703000002000000"), fallback_attribute=False)
    assert bench.es10(MESSAGES["EX1"]) == MESSAGES["EX2"]
    assert bench.es10(MESSAGES["EF1"]) == MESSAGES["EF2"]


def test_certificates_are_given_for_the_published_issuer(make_bench: MakeBench) -> None:
    bench = make_bench(two_profiles())
    kind, certificates = codec.decode("GetCertsResponse", bench.es10(MESSAGES["EC1"]))
    assert kind == "certs"
    assert certificates["euiccCertificate"] == bench.card.certificate
    assert certificates["eumCertificate"] == bench.card.eum_certificate
    assert bench.es10(tlv.build(0xBF56, tlv.build(0x04, CI_PKID))) == bench.es10(MESSAGES["EC1"])
    assert bench.es10(tlv.build(0xBF56, tlv.build(0x80, bytes(20)))) == MESSAGES["EC3"]


def test_emergency_and_return_answer_as_published(make_bench: MakeBench) -> None:
    bench = make_bench(two_profiles(enabled=1))
    bench.change_profile(ICCID1, ecall_indication=True)
    bench.change(profiles=bench.state.enabled_only(ICCID2).profiles)
    assert bench.es10(MESSAGES["EM1"]) == bytes.fromhex("BF5B03800100")
    assert bench.es10(MESSAGES["EM3"]) == MESSAGES["EM4"]
    bench.change(profiles=bench.state.enabled_only(ICCID1).profiles)
    assert bench.es10(MESSAGES["EF1"]) == bytes.fromhex("BF5D03800100")
    assert bench.es10(MESSAGES["EF3"]) == MESSAGES["EF4"]


def test_fci_tells_of_ipae_and_an_enabled_profile_as_published(make_bench: MakeBench) -> None:
    config = replace(two_profiles(), capabilities=EuiccCapabilities(ipae_supported=True))
    bench = make_bench(config)
    fci = bench.card.transmit(bytes.fromhex("00A4040010A0000005591010FFFFFFFF890000010000"))[:-2]
    assert fci.endswith(MESSAGES["EZ5"])


def test_non_minimal_lengths_are_verified_as_received(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=7)
    inner = tlv.single(tlv.find(bench.package(LIST, counter=1), 0xBF51, 0x30).raw).value
    signed = b"\x30\x82" + len(inner).to_bytes(2, "big") + inner
    kind, _value = codec.decode("EuiccPackageResult", bench.es10(sign_package(signed)))
    assert kind == "euiccPackageResultSigned"


def test_disable_and_delete_are_carried_out_together(make_bench: MakeBench) -> None:
    bench = prepared(make_bench, sequence=7, enabled=1)
    assert bench.run(psmo(DISABLE, ICCID1), psmo(DELETE, ICCID1)) == [("disableResult", 0), ("deleteResult", 0)]
    assert [(item.sequence_number, int(item.event)) for item in bench.state.notifications] == [(8, 0x20), (9, 0x10)]
