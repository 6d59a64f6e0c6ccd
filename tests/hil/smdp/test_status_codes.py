"""Every pair of subject and reason that SGP.22 5.6 and 5.8 give to a function is answered for its cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hil import codec, tlv
from hil.pki import Pki
from hil.pki.pki import Role
from hil.rsp import status
from hil.rsp.authentication import Identity
from hil.rsp.status import RspStatus
from hil.smdp.core import SmDpPlus
from hil.smdp.orders import Order, ProfileState, confirmation_hash, hash_of_code
from hil.smds.core import SmDs
from tests.hil.smdp import forged
from tests.hil.smdp.conftest import ADDRESS, make_order, make_smdp
from tests.hil.smdp.lpa import Lpa

PAST = datetime(2020, 1, 1, tzinfo=UTC)
INITIATE, AUTHENTICATE, PACKAGE, CANCEL = (
    "initiateAuthentication",
    "authenticateClient",
    "getBoundProfilePackage",
    "cancelSession",
)


@dataclass
class Bench:
    pki: Pki
    lpa: Lpa
    smdp: SmDpPlus
    smds: SmDs
    other: Pki

    def order(self, **options: Any) -> Order:
        return self.smdp.orders.add(make_order(**options))

    def info1(self, **changes: Any) -> bytes:
        info = codec.decode("EUICCInfo1", self.lpa.call(bytes.fromhex("BF2000"))[0])
        return codec.encode("EUICCInfo1", {**info, **changes})

    def authenticated(self, **options: Any) -> tuple[Order, bytes, Any]:
        order = self.order(**options)
        transaction_id, response = self.lpa.authenticate(self.smdp, "TEST-1")
        return order, transaction_id, self.smdp.authenticate_client(transaction_id, response)

    def prepared(self, code: str | None = None, **options: Any) -> tuple[Order, bytes, bytes]:
        order, transaction_id, offer = self.authenticated(**options)
        hashed = None if code is None else hash_of_code(confirmation_hash(code), transaction_id)
        return order, transaction_id, self.lpa.prepare(offer, hashed)

    def ask_smds(self, matching_id: str = "") -> tuple[bytes, bytes]:
        return self.lpa.authenticate(self.smds, matching_id)  # type: ignore[arg-type]


@pytest.fixture
def bench(pki: Pki, lpa: Lpa, tmp_path: Path) -> Bench:
    identity = Identity(
        ADDRESS, {pki.ci_key_id: pki[Role.SMDS_AUTH]}, {pki.ci_key_id: pki.ci.certificate}, status.SMDS_CODES
    )
    other = Pki.generate(tmp_path / "other", eid=lpa.card.eid)
    return Bench(pki, lpa, make_smdp(pki), SmDs(identity), other)


def initiate(server: str, **changes: Any) -> Callable[[Bench], None]:
    def act(bench: Bench) -> None:
        getattr(bench, server).initiate_authentication(bytes(16), bench.info1(**changes), ADDRESS)

    return act


def at_other_address(server: str) -> Callable[[Bench], None]:
    return lambda bench: getattr(bench, server).initiate_authentication(bytes(16), bench.info1(), "elsewhere.example")


def chain(server: str, make: Callable[[Pki], forged.Chain]) -> Callable[[Bench], None]:
    def act(bench: Bench) -> None:
        asked = getattr(bench, server)
        transaction_id, response = bench.lpa.authenticate(asked, "")
        asked.authenticate_client(transaction_id, forged.resigned(response, make(bench.pki)))

    return act


def other_ci(server: str) -> Callable[[Bench], None]:
    def act(bench: Bench) -> None:
        chain(server, lambda _: forged.good_chain(bench.other))(bench)

    return act


def bad_signature(server: str) -> Callable[[Bench], None]:
    def act(bench: Bench) -> None:
        asked = getattr(bench, server)
        transaction_id, response = bench.lpa.authenticate(asked, "")
        asked.authenticate_client(transaction_id, forged.with_bad_signature(response, 0xBF38))

    return act


def unknown_client(server: str) -> Callable[[Bench], None]:
    return lambda bench: getattr(bench, server).authenticate_client(bytes(16), b"")


def client_of_another_session(bench: Bench) -> None:
    first, response = bench.lpa.authenticate(bench.smdp, "TEST-1")
    second, _ = bench.lpa.authenticate(bench.smdp, "TEST-1")
    assert first != second
    bench.smdp.authenticate_client(second, response)


def refused(**options: Any) -> Callable[[Bench], None]:
    def act(bench: Bench) -> None:
        bench.authenticated(**options)

    return act


def newer_package(bench: Bench) -> None:
    order = bench.order()
    order.package = order.package.replace(b"\x80\x01\x02", b"\x80\x01\x09", 1)
    bench.smdp.authenticate_client(*bench.lpa.authenticate(bench.smdp, "TEST-1"))


def package_of_unknown(bench: Bench) -> None:
    bench.smdp.get_bound_profile_package(bytes(16), b"")


def package_signed_for_another(bench: Bench) -> None:
    _, _, response = bench.prepared()
    transaction_id, answer = bench.lpa.authenticate(bench.smdp, "TEST-1")
    bench.smdp.authenticate_client(transaction_id, answer)
    bench.smdp.get_bound_profile_package(transaction_id, response)


def package_badly_signed(bench: Bench) -> None:
    _, transaction_id, response = bench.prepared()
    bench.smdp.get_bound_profile_package(transaction_id, forged.with_bad_signature(response, 0xBF21))


def package_with(code: str | None, **options: Any) -> Callable[[Bench], None]:
    def act(bench: Bench) -> None:
        _, transaction_id, response = bench.prepared(code, confirmation_hash=confirmation_hash("1234"), **options)
        bench.smdp.get_bound_profile_package(transaction_id, response)

    return act


def package_for_another_key(bench: Bench) -> None:
    _, transaction_id, response = bench.prepared(rebinding_allowed=False)
    bench.smdp.get_bound_profile_package(transaction_id, response)
    engine = bench.lpa.card.engine
    engine.commit(replace(engine.state, one_time_keys=()))
    transaction_id, answer = bench.lpa.authenticate(bench.smdp, "TEST-1")
    again = bench.lpa.prepare(bench.smdp.authenticate_client(transaction_id, answer))
    bench.smdp.get_bound_profile_package(transaction_id, again)


def package_too_late(bench: Bench) -> None:
    order, transaction_id, response = bench.prepared()
    order.expires = PAST
    bench.smdp.get_bound_profile_package(transaction_id, response)


def cancel(make: Callable[[Bench, bytes], bytes]) -> Callable[[Bench], None]:
    def act(bench: Bench) -> None:
        _, transaction_id, _ = bench.authenticated()
        bench.smdp.cancel_session(transaction_id, make(bench, transaction_id))

    return act


CASES: list[tuple[str, str, Callable[[Bench], None]]] = [
    (INITIATE, "8.8.1/3.8", at_other_address("smdp")),
    (INITIATE, "8.8.3/3.1", initiate("smdp", svn=b"\x01\x00\x00")),
    (INITIATE, "8.8.2/3.1", initiate("smdp", euiccCiPKIdListForSigning=[bytes(20)])),
    (INITIATE, "8.8.4/3.7", initiate("smdp", euiccCiPKIdListForVerification=[bytes(20)])),
    (AUTHENTICATE, "8.10.1/3.9", unknown_client("smdp")),
    (AUTHENTICATE, "8.10.1/3.9", client_of_another_session),
    (AUTHENTICATE, "8.11.1/3.9", other_ci("smdp")),
    (AUTHENTICATE, "8.1.2/6.1", chain("smdp", forged.with_bad_eum)),
    (AUTHENTICATE, "8.1.2/6.3", chain("smdp", forged.with_expired_eum)),
    (AUTHENTICATE, "8.1.3/6.1", chain("smdp", forged.with_bad_euicc)),
    (AUTHENTICATE, "8.1.3/6.3", chain("smdp", forged.with_expired_euicc)),
    (AUTHENTICATE, "8.1/6.1", bad_signature("smdp")),
    (AUTHENTICATE, "8.2.6/3.8", refused(matching_id="OTHER")),
    (AUTHENTICATE, "8.2.6/3.8", refused(state=ProfileState.INSTALLED)),
    (AUTHENTICATE, "8.2.6/3.8", refused(state=ProfileState.ERROR)),
    (AUTHENTICATE, "8.1.1/3.8", refused(eid="89049032000000000000000000000021")),
    (AUTHENTICATE, "8.2/1.2", refused(state=ProfileState.CONFIRMED)),
    (AUTHENTICATE, "8.2.5/4.3", newer_package),
    (AUTHENTICATE, "8.1/4.8", refused(size=800_000)),
    (AUTHENTICATE, "8.8.5/4.10", refused(expires=PAST)),
    (AUTHENTICATE, "8.8.5/6.4", refused(download_limit=0)),
    (PACKAGE, "8.10.1/3.9", package_of_unknown),
    (PACKAGE, "8.10.1/3.9", package_signed_for_another),
    (PACKAGE, "8.1/6.1", package_badly_signed),
    (PACKAGE, "8.2.7/2.2", package_with(None)),
    (PACKAGE, "8.2.7/3.8", package_with("0000")),
    (PACKAGE, "8.2.7/6.4", package_with("0000", code_limit=1)),
    (PACKAGE, "8.2/3.7", package_for_another_key),
    (PACKAGE, "8.8.5/4.10", package_too_late),
    (CANCEL, "8.10.1/3.9", lambda bench: bench.smdp.cancel_session(bytes(16), b"")),
    (
        CANCEL,
        "8.10.1/3.9",
        cancel(lambda bench, _: forged.cancel_response(bench.pki.euicc.key, bytes(16), bench.smdp.oid)),
    ),
    (CANCEL, "8.1/6.1", cancel(lambda bench, tid: forged.cancel_response(bench.pki.ci.key, tid, bench.smdp.oid))),
    (CANCEL, "8.8/3.10", cancel(lambda bench, tid: forged.cancel_response(bench.pki.euicc.key, tid, "2.999.77"))),
    ("ES11 " + INITIATE, "8.9.1/3.8", at_other_address("smds")),
    ("ES11 " + INITIATE, "8.9.2/3.1", initiate("smds", euiccCiPKIdListForSigning=[bytes(20)])),
    ("ES11 " + INITIATE, "8.9.3/3.1", initiate("smds", svn=b"\x01\x00\x00")),
    ("ES11 " + INITIATE, "8.9.4/3.7", initiate("smds", euiccCiPKIdListForVerification=[bytes(20)])),
    ("ES11 " + AUTHENTICATE, "8.10.1/3.9", unknown_client("smds")),
    ("ES11 " + AUTHENTICATE, "8.11.1/3.9", other_ci("smds")),
    ("ES11 " + AUTHENTICATE, "8.1.2/6.1", chain("smds", forged.with_bad_eum)),
    ("ES11 " + AUTHENTICATE, "8.1.2/6.3", chain("smds", forged.with_expired_eum)),
    ("ES11 " + AUTHENTICATE, "8.1.3/6.1", chain("smds", forged.with_bad_euicc)),
    ("ES11 " + AUTHENTICATE, "8.1.3/6.3", chain("smds", forged.with_expired_euicc)),
    ("ES11 " + AUTHENTICATE, "8.1/6.1", bad_signature("smds")),
    ("ES11 " + AUTHENTICATE, "8.9.5/3.9", lambda bench: bench.smds.authenticate_client(*bench.ask_smds("NO-EVENT"))),
]
NEVER_BY_THEMSELVES = {
    status.MALFORMED: "a request that is no request has its own tests",
    status.NOT_EXECUTED: "an internal error comes on demand only",
}


@pytest.mark.parametrize(
    ("code", "act"),
    [case[1:] for case in CASES],
    ids=[f"{index}-{case[0]}-{case[1]}" for index, case in enumerate(CASES)],
)
def test_status_is_answered_for_its_cause(bench: Bench, code: str, act: Callable[[Bench], None]) -> None:
    with pytest.raises(RspStatus) as caught:
        act(bench)
    assert f"{caught.value.code.subject}/{caught.value.code.reason}" == code


def test_every_known_status_has_a_case() -> None:
    tested = {code for _, code, _ in CASES}
    known = {f"{code.subject}/{code.reason}" for code in status.KNOWN if code not in NEVER_BY_THEMSELVES}
    assert known == tested


def test_error_forms_of_the_euicc_end_the_session(bench: Bench) -> None:
    order, transaction_id, _ = bench.prepared()
    failure = codec.encode(
        "PrepareDownloadResponse",
        ("downloadResponseError", {"transactionId": transaction_id, "downloadErrorCode": 127}),
    )
    for expected in (status.SIGNATURE_INVALID, status.UNKNOWN_TRANSACTION):
        with pytest.raises(RspStatus) as caught:
            bench.smdp.get_bound_profile_package(transaction_id, failure)
        assert caught.value.code == expected
    assert order.state is ProfileState.RELEASED
    assert tlv.single(failure).tag == 0xBF21
