"""Dialling through the virtual modem: what the network grants decides, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hil.modem import VirtualModem
from hil.network import Service
from ipad.bearer.at import AtBearer
from ipad.bearer.backend import Apn, Auth, BearerReason, BearerRequest
from ipad.errors import BearerError
from tests.ipad.card.test_with_virtual_modem import PERSONALITIES, Device, device

PROFILE = BearerReason.PROFILE_CHANGED


@dataclass
class Contexts:
    """The packet contexts inside the virtual modem."""

    modem: VirtualModem

    @property
    def apns(self) -> dict[int, str]:
        return {cid: session.apn for cid, session in self.modem.device.contexts.sessions.items()}


def bearer_of(bench: Device) -> AtBearer:
    return AtBearer(bench.modem, bench.modem.clock)


async def session_after(bench: Device, bearer: AtBearer, seconds: float) -> str | None:
    """The first link within so many seconds, looked for as the agent does while a profile is on trial."""
    deadline = bench.modem.clock.monotonic() + seconds
    while bench.modem.clock.monotonic() < deadline:
        session = await bearer.session()
        if session is not None:
            return session
        await bench.modem.clock.sleep(2.0)
    return None


@pytest.mark.asyncio
@pytest.mark.parametrize("personality", PERSONALITIES)
async def test_the_link_goes_through_the_access_point_on_every_personality(personality: str) -> None:
    async with device(personality) as bench:
        bench.virtual.device.network.set_service(Service(apns=("iot.example",)))
        bearer = bearer_of(bench)
        await bearer.bring_up(BearerRequest(None, None, Apn("iot.example"), BearerReason.BOOT))
        assert await session_after(bench, bearer, 120) is not None
        cid = bench.modem.board.bearer.cid
        assert Contexts(bench.virtual).apns == {cid: "iot.example"}
        before = bench.virtual.device.contexts.definitions
        await bearer.bring_up(BearerRequest(None, None, Apn("iot.example"), BearerReason.LOST))
        assert bench.virtual.device.contexts.definitions == before


@pytest.mark.asyncio
async def test_a_wrong_access_point_gives_no_link_and_the_right_one_does() -> None:
    async with device("quectel-eg25") as bench:
        bench.virtual.device.network.set_service(Service(apns=("iot.example",)))
        bearer = bearer_of(bench)
        await bearer.bring_up(BearerRequest(None, None, Apn("of.another.operator"), PROFILE))
        assert await session_after(bench, bearer, 60) is None
        with pytest.raises(BearerError, match="missing or unknown APN") as caught:
            await bearer.bring_up(BearerRequest(None, None, Apn("of.another.operator"), BearerReason.LOST))
        assert not caught.value.transient
        await bearer.bring_up(BearerRequest(None, None, Apn("iot.example"), PROFILE))
        assert await session_after(bench, bearer, 60) is not None


@pytest.mark.asyncio
async def test_the_network_chooses_after_a_profile_with_an_access_point_of_its_own() -> None:
    async with device("quectel-eg25") as bench:
        bearer = bearer_of(bench)
        private = Apn("private.example", user="dev", password="hush", auth=Auth.PAP)
        await bearer.bring_up(BearerRequest(None, None, private, BearerReason.BOOT))
        first = await session_after(bench, bearer, 60)
        bench.virtual.device.network.set_service(Service(apns=("internet.example",)))
        await bearer.bring_up(BearerRequest(None, None, None, PROFILE))
        second = await session_after(bench, bearer, 60)
        assert None not in (first, second)
        assert first != second
        assert Contexts(bench.virtual).apns == {1: "internet.example"}
        definition = bench.virtual.device.contexts.definitions[1]
        assert (definition.auth, definition.user) == (0, "")


@pytest.mark.asyncio
async def test_a_link_that_the_network_ends_is_dialled_again() -> None:
    async with device("quectel-eg25") as bench:
        bearer = bearer_of(bench)
        await bearer.bring_up(BearerRequest(None, None, None, BearerReason.BOOT))
        first = await session_after(bench, bearer, 60)
        bench.virtual.device.contexts.deactivate(1)
        assert Contexts(bench.virtual).apns == {}
        second = await session_after(bench, bearer, 60)
        assert None not in (first, second)
        assert first != second


@pytest.mark.asyncio
async def test_taken_down_it_stays_down() -> None:
    async with device("quectel-eg25") as bench:
        bearer = bearer_of(bench)
        await bearer.bring_up(BearerRequest(None, None, None, BearerReason.BOOT))
        assert await session_after(bench, bearer, 60) is not None
        await bearer.take_down(BearerReason.STOP)
        assert await session_after(bench, bearer, 60) is None
        assert Contexts(bench.virtual).apns == {}
