"""The bearer as the procedures see it."""

from __future__ import annotations

import pytest

from ipad.daemon.connectivity import HostBearer, ModemBearer
from ipad.errors import CardError, ModemError
from ipad.ids import Iccid, Plmn
from ipad.procedures.ports import Connectivity

ICCID = Iccid.parse("8988123456789012345")


class FakeModemConnectivity:
    """Answers as a modem would."""

    def __init__(self, error: ModemError | None = None) -> None:
        self.error = error
        self.session: str | None = "1/10.0.0.7"
        self.recovered: list[Iccid | None] = []

    async def data_session(self) -> str | None:
        return self.session

    async def wait_new_session(self, before: str | None, timeout: float) -> bool:  # noqa: ASYNC109
        return before != "1/10.0.0.7" and timeout > 0

    async def registered_plmn(self) -> Plmn | None:
        return Plmn.parse("00101")

    async def recover_sim(self, expected: Iccid | None) -> None:
        self.recovered.append(expected)
        if self.error is not None:
            raise self.error


def modem_bearer(fake: FakeModemConnectivity, invalidated: list[bool]) -> ModemBearer:
    return ModemBearer(fake, lambda: invalidated.append(True), lambda: None)  # type: ignore[arg-type]


@pytest.mark.asyncio
async def test_modem_is_asked_for_everything() -> None:
    bearer: Connectivity = modem_bearer(FakeModemConnectivity(), [])
    assert await bearer.data_session() == "1/10.0.0.7"
    assert await bearer.wait_new_session("0/-", 5.0)
    assert not await bearer.wait_new_session("1/10.0.0.7", 5.0)
    assert await bearer.registered_plmn() == Plmn.parse("00101")


@pytest.mark.parametrize("error", [None, ModemError("the modem does not show the profile")])
@pytest.mark.asyncio
async def test_channel_counts_as_lost_after_a_recovery_and_its_failure_is_no_end(error: ModemError | None) -> None:
    fake, invalidated = FakeModemConnectivity(error), []  # type: ignore[var-annotated]
    await modem_bearer(fake, invalidated).recover_sim(ICCID)
    assert fake.recovered == [ICCID]
    assert invalidated == [True]


@pytest.mark.asyncio
async def test_network_of_the_host_does_not_depend_on_the_card() -> None:
    resets: list[bool] = []

    async def reset() -> None:
        resets.append(True)

    bearer: Connectivity = HostBearer(reset)
    before = await bearer.data_session()
    assert await bearer.wait_new_session(before, 300.0)
    assert await bearer.registered_plmn() is None
    await bearer.recover_sim(ICCID)
    assert resets == [True]


@pytest.mark.asyncio
async def test_card_that_cannot_be_reset_is_no_end() -> None:
    async def reset() -> None:
        raise CardError("gone")

    await HostBearer(reset).recover_sim(None)


@pytest.mark.asyncio
async def test_other_bearer_is_told_and_the_first_one_is_not_another() -> None:
    fake, renewed = FakeModemConnectivity(), []
    bearer = ModemBearer(fake, lambda: None, lambda: renewed.append(fake.session))  # type: ignore[arg-type]
    sessions = ["1/10.0.0.7", "1/10.0.0.7", "2/10.0.0.7", None, None, "3/10.0.0.7"]
    for fake.session in sessions:
        assert await bearer.data_session() == fake.session
    assert renewed == ["2/10.0.0.7", None, "3/10.0.0.7"]
