"""A restarted SM-DP+ goes on where it was; what it reads back is what it wrote."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hil.euicc import VirtualEuicc
from hil.pki import Pki
from hil.smdp.catalogue import activation_codes, default_orders
from hil.smdp.core import SmDpPlus
from hil.smdp.orders import Metadata, ProfileState, confirmation_hash
from hil.smdp.store import SmDpStore, SmDpStoreError
from tests.hil.smdp.conftest import ICCID, make_order, make_smdp
from tests.hil.smdp.lpa import Lpa


def stored(smdp: SmDpPlus, store: SmDpStore) -> SmDpPlus:
    smdp.on_change = lambda: store.save(smdp)
    smdp.on_change()
    return smdp


def reopened(pki: Pki, folder: Path) -> SmDpPlus:
    smdp = make_smdp(pki)
    SmDpStore(folder).load(smdp)
    return smdp


def test_orders_survive_with_all_their_terms(pki: Pki, tmp_path: Path) -> None:
    smdp = make_smdp(pki)
    order = make_order(
        eid="89049032000000000000000000000021",
        confirmation_hash=confirmation_hash("1"),
        use_protection_keys=True,
        rebinding_allowed=False,
        expires=datetime.now(UTC) + timedelta(days=1),
        download_limit=2,
        code_limit=1,
        event=True,
    )
    order.metadata = Metadata(iccid=ICCID, policy_rules=(1, 2), owner_mcc_mnc=b"\x00\xf1\x10", owner_gid1=b"\x01")
    smdp.orders.add(order)
    stored(smdp, SmDpStore(tmp_path))
    order.enter(ProfileState.ERROR, "gone")
    smdp.on_change()
    assert list(reopened(pki, tmp_path).orders) == [order]


def test_default_orders_survive_too(pki: Pki, tmp_path: Path) -> None:
    smdp = make_smdp(pki)
    for order in default_orders(pki.eid):
        smdp.orders.add(order)
    stored(smdp, SmDpStore(tmp_path))
    again = reopened(pki, tmp_path)
    assert list(again.orders) == list(smdp.orders)
    codes = activation_codes(iter(again.orders), "smdp.example.com:1234")
    assert codes[0] == "1$smdp.example.com:1234$SMALL-0001"
    assert codes[3].endswith("$CODE-0001$$1")
    assert [len(order.package) for order in again.orders][1:3] == [60_027, 150_027]


def test_result_that_comes_after_a_restart_is_verified_and_closes_the_order(
    pki: Pki, tmp_path: Path, lpa: Lpa, card: VirtualEuicc
) -> None:
    smdp = make_smdp(pki)
    smdp.orders.add(make_order())
    stored(smdp, SmDpStore(tmp_path))
    result = lpa.download(smdp, "TEST-1")
    again = reopened(pki, tmp_path)
    assert [order.state for order in again.orders] == [ProfileState.DOWNLOADED]
    again.handle_notification(result)
    assert again.reports[-1].verified
    assert [order.state for order in again.orders] == [ProfileState.INSTALLED]
    assert ICCID in [profile.iccid for profile in card.profiles]


def test_download_goes_on_after_a_restart_with_a_new_binding(pki: Pki, tmp_path: Path, lpa: Lpa) -> None:
    smdp = make_smdp(pki)
    smdp.orders.add(make_order())
    stored(smdp, SmDpStore(tmp_path))
    lpa.bound_package(smdp, "TEST-1")
    again = reopened(pki, tmp_path)
    again.handle_notification(lpa.download(again, "TEST-1"))
    assert [order.state for order in again.orders] == [ProfileState.INSTALLED]


@pytest.mark.parametrize("text", ["", "[]", '{"version": 9}', '{"version": 1, "orders": [{}], "expected": {}}'])
def test_damaged_file_is_named(pki: Pki, tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(SmDpStoreError, match=r"state\.json"):
        reopened(pki, tmp_path)


def test_missing_package_is_named(pki: Pki, tmp_path: Path) -> None:
    smdp = make_smdp(pki)
    smdp.orders.add(make_order())
    stored(smdp, SmDpStore(tmp_path))
    for file in (tmp_path / "packages").iterdir():
        file.unlink()
    with pytest.raises(SmDpStoreError, match=r"\.der"):
        reopened(pki, tmp_path)
