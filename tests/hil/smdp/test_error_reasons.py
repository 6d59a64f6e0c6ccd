"""Every ErrorReason of a ProfileInstallationResult, reached at the card by what a SM-DP+ sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hil import codec, tlv
from hil.euicc import VirtualEuicc
from hil.pki import Pki
from hil.smdp.core import SmDpPlus
from hil.smdp.flaws import PackageFlaw
from hil.smdp.orders import Metadata
from hil.upp.builder import UsimProfile, build
from tests.hil.smdp.conftest import ICCID, IMSI, make_order, make_smdp
from tests.hil.smdp.lpa import Lpa, outcome, segments


@dataclass
class Bench:
    lpa: Lpa
    card: VirtualEuicc
    smdp: SmDpPlus
    pki: Pki
    folder: Path

    def loaded(self, *, metadata: Metadata | None = None, package: bytes | None = None, **options: Any) -> bytes:
        order = make_order(**options)
        order.metadata = metadata or order.metadata
        order.package = package or order.package
        self.smdp.orders.add(order)
        return self.lpa.download(self.smdp, "TEST-1")


@pytest.fixture
def bench(lpa: Lpa, card: VirtualEuicc, pki: Pki, tmp_path: Path) -> Bench:
    smdp = make_smdp(pki)
    smdp.knobs.ignore_eligibility = True
    return Bench(lpa, card, smdp, pki, tmp_path)


def flawed(flaw: PackageFlaw, **options: Any) -> Callable[[Bench], bytes]:
    def act(bench: Bench) -> bytes:
        bench.smdp.knobs.package_flaw = flaw
        return bench.loaded(**options)

    return act


def described(**changes: Any) -> Callable[[Bench], bytes]:
    return lambda bench: bench.loaded(metadata=Metadata(**{"iccid": ICCID, **changes}))


def installed_before(bench: Bench) -> bytes:
    return bench.loaded(iccid=bench.card.profiles[1].iccid)


def interrupted(bench: Bench) -> bytes:
    bench.smdp.orders.add(make_order(size=5000))
    for segment in segments(bench.lpa.bound_package(bench.smdp, "TEST-1"))[:6]:
        bench.lpa.call(segment)
    reopened = VirtualEuicc.open(bench.folder / "card", bench.pki)
    reopened.reset()
    host = Lpa(reopened)
    host.open()
    return tlv.children(tlv.find(host.call(bytes.fromhex("BF2B00"))[0], 0xBF2B, 0xA0).value)[0].raw


def unknown_element(bench: Bench) -> bytes:
    parts = [part.raw for part in tlv.children(make_order().package)]
    header = tlv.build(0xA0, tlv.build(0x80), tlv.build(0x81, b"\x30"))
    parts.insert(-1, tlv.build(0xBF30, header))
    return bench.loaded(package=b"".join(parts))


def real_key_in_a_test_profile(bench: Bench) -> bytes:
    package = build(UsimProfile(iccid=ICCID, imsi=IMSI, key=bytes(range(16))))
    return bench.loaded(metadata=Metadata(iccid=ICCID, profile_class=0), package=package)


def forced(bench: Bench) -> bytes:
    bench.card.knobs.forced_codes["errorReason"] = 127
    return bench.loaded()


CASES: list[tuple[int, int, Callable[[Bench], bytes]]] = [
    (0, 1, flawed(PackageFlaw.POINT)),
    (2, 1, described(policy_rules=(2,))),
    (2, 1, described(profile_name="ü" * 64)),
    (0, 2, flawed(PackageFlaw.FLIP_INITIALISE)),
    (0, 3, flawed(PackageFlaw.TRANSACTION)),
    (0, 4, flawed(PackageFlaw.KEY_TYPE)),
    (0, 5, flawed(PackageFlaw.OPERATION)),
    (2, 6, described(profile_class=7)),
    (5, 8, flawed(PackageFlaw.REORDERED, size=4000)),
    (1, 8, flawed(PackageFlaw.FLIP_CONFIGURE)),
    (2, 8, flawed(PackageFlaw.FLIP_METADATA)),
    (4, 8, flawed(PackageFlaw.FLIP_KEYS, use_protection_keys=True)),
    (5, 8, flawed(PackageFlaw.FLIP_ELEMENTS)),
    (2, 9, installed_before),
    (5, 10, lambda bench: bench.loaded(size=800_000)),
    (5, 11, interrupted),
    (5, 12, unknown_element),
    (5, 12, flawed(PackageFlaw.SHORTENED)),
    (5, 13, described(iccid="8949000000000000001")),
    (5, 13, described(owner_mcc_mnc=b"\x13\x00\x62")),
    (5, 14, real_key_in_a_test_profile),
    (2, 15, described(policy_rules=(1,), owner_mcc_mnc=b"\x00\xf1\x20")),
    (0, 127, forced),
]
ELSEWHERE = {
    7: "segments in another order, which no flaw of the SM-DP+ makes: see the segment tests of the download",
}


@pytest.mark.parametrize(("command", "reason", "act"), CASES)
def test_reason_is_reached(bench: Bench, command: int, reason: int, act: Callable[[Bench], bytes]) -> None:
    before = [profile.iccid for profile in bench.card.profiles]
    found = outcome(act(bench))
    assert found == (command, reason)
    assert [profile.iccid for profile in bench.card.profiles] == before


def test_every_reason_of_the_specification_is_reached_or_explained() -> None:
    declared = {number for _, number in named_numbers("ErrorReason")}
    assert declared == {reason for _, reason, _ in CASES} | set(ELSEWHERE)


def named_numbers(name: str) -> list[tuple[str, int]]:
    """Names and numbers of an INTEGER with named numbers, from the text of the module."""
    text = (Path(codec.__file__).parent / "asn1" / "SGP22.asn").read_text()
    body = text.split(f"{name} ::= INTEGER {{", 1)[1].split("}", 1)[0]
    return [(item.split("(")[0].strip(), int(item.split("(")[1].rstrip(") \n"))) for item in body.split(",")]
