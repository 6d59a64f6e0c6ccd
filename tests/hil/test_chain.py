"""Certificate chains of the eUICC world: what is accepted, and who is to blame when not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from hil.crypto import generate_key, key_identifier
from hil.pki import certificates as shape
from hil.pki.chain import ChainError, Fault, authority_key_id, parse, registered_id, verify_euicc, verify_server
from hil.pki.pki import SMDP_OID, Credential, Pki, Role

EID = "89049032001234567890000000100070"
LATE = datetime(2060, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"), eid=EID)


def authorities(pki: Pki) -> dict[bytes, bytes]:
    return {pki.ci_key_id: pki.ci.certificate}


def test_chain_of_the_bench_is_accepted(pki: Pki) -> None:
    assert verify_euicc(pki.euicc.certificate, pki.eum.certificate, authorities(pki), at=NOW) == (EID, pki.ci_key_id)
    server = pki[Role.SMDP_AUTH].certificate
    assert verify_server(server, authorities(pki), shape.ROLE_DP_AUTH, at=NOW) == pki.ci_key_id
    assert registered_id(parse(server)) == SMDP_OID
    assert authority_key_id(parse(server)) == key_identifier(pki.ci.public_key)


def test_dates_count_only_where_there_is_a_clock(pki: Pki) -> None:
    server = pki[Role.SMDP_AUTH].certificate
    verify_server(server, authorities(pki), shape.ROLE_DP_AUTH)
    with pytest.raises(ChainError) as caught:
        verify_server(server, authorities(pki), shape.ROLE_DP_AUTH, at=LATE)
    assert caught.value.fault is Fault.EXPIRED


def test_expired_manufacturer_is_told_from_an_expired_euicc(pki: Pki) -> None:
    with pytest.raises(ChainError) as caught:
        verify_euicc(pki.euicc.certificate, pki.eum.certificate, authorities(pki), at=LATE)
    assert (caught.value.subject, caught.value.fault) == ("eum", Fault.EXPIRED)


def test_wrong_role_is_invalid(pki: Pki) -> None:
    with pytest.raises(ChainError) as caught:
        verify_server(pki[Role.SMDP_PB].certificate, authorities(pki), shape.ROLE_DP_AUTH)
    assert caught.value.fault is Fault.INVALID


def test_unknown_authority_is_named_as_such(pki: Pki, tmp_path: Path) -> None:
    other = Pki.generate(tmp_path, eid=EID)
    with pytest.raises(ChainError) as caught:
        verify_server(other[Role.SMDP_AUTH].certificate, authorities(pki), shape.ROLE_DP_AUTH)
    assert caught.value.fault is Fault.UNKNOWN_CI
    with pytest.raises(ChainError) as caught:
        verify_euicc(other.euicc.certificate, other.eum.certificate, authorities(pki))
    assert (caught.value.subject, caught.value.fault) == ("eum", Fault.UNKNOWN_CI)


def test_a_chain_put_together_from_two_manufacturers_is_invalid(pki: Pki, tmp_path: Path) -> None:
    other = Pki.generate(tmp_path, eid=EID)
    with pytest.raises(ChainError) as caught:
        verify_euicc(other.euicc.certificate, pki.eum.certificate, authorities(pki))
    assert (caught.value.subject, caught.value.fault) == ("euicc", Fault.INVALID)


def test_manufacturer_may_only_issue_its_own_eids(pki: Pki) -> None:
    key = generate_key(pki.curve)
    issuer = shape.Issuer.of(pki.eum.certificate, pki.eum.key)
    foreign = shape.name("foreign", "Test EUM", "89033023" + EID[8:])
    certificate = shape.issue(foreign, key.public_key(), issuer, shape.euicc_extensions())
    with pytest.raises(ChainError, match="may not issue"):
        verify_euicc(Credential(certificate).certificate, pki.eum.certificate, authorities(pki))


@pytest.mark.parametrize("position", [40, -5])
def test_tampered_certificate_is_invalid(pki: Pki, position: int) -> None:
    damaged = bytearray(pki[Role.SMDP_AUTH].certificate)
    damaged[position] ^= 1
    with pytest.raises(ChainError):
        verify_server(bytes(damaged), authorities(pki), shape.ROLE_DP_AUTH)


def test_garbage_is_no_certificate() -> None:
    with pytest.raises(ChainError):
        parse(b"\x30\x03\x02\x01\x05")


CHECKS: Final[dict[str, Callable[[bytes, Pki], object]]] = {
    "eum": lambda damaged, pki: verify_euicc(pki.euicc.certificate, damaged, authorities(pki)),
    "euicc": lambda damaged, pki: verify_euicc(damaged, pki.eum.certificate, authorities(pki)),
    "server": lambda damaged, pki: verify_server(damaged, authorities(pki), shape.ROLE_DP_AUTH),
}


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.parametrize("whose", ["eum", "euicc", "server"])
def test_certificate_in_which_any_octet_fell_over_is_refused_by_name(pki: Pki, whose: str) -> None:
    """Extensions are parsed late: what is wrong in them shows when the first of them is asked for."""
    euicc, eum, server = (item.certificate for item in (pki.euicc, pki.eum, pki[Role.SMDP_AUTH]))
    genuine = {"eum": eum, "euicc": euicc, "server": server}[whose]
    for position in range(len(genuine)):
        damaged = genuine[:position] + bytes([genuine[position] ^ 0x21]) + genuine[position + 1 :]
        with pytest.raises(ChainError) as caught:
            CHECKS[whose](damaged, pki)
        assert caught.value.subject == whose
