"""Fallback, return, emergency profile and local enable: what the eUICC says decides, and every eIM is told."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from enum import IntEnum

import pytest

from ipad.codec.es10_iot import ExecuteFallbackMechanismResult, ReturnFromFallbackResult
from ipad.codec.esipa import StateChangeCause
from ipad.codec.profile import ProfileInfo
from ipad.errors import CardError, EuiccResultError, NetworkError, StatusWordError
from ipad.ids import Iccid
from ipad.policy.events import Origin, Outcome
from ipad.procedures.observer import Switch, Work
from ipad.procedures.profile_switch import (
    disable_emergency,
    enable_emergency,
    enable_locally,
    execute_fallback,
    return_from_fallback,
)
from tests.fakes.card_state import card_state
from tests.fakes.euicc import FakeEuicc
from tests.fakes.values import ICCID1, ICCID2
from tests.ipad.procedures.bench import Bench

pytestmark = pytest.mark.asyncio

EIMS = ("eim.example.com", "eim2.example.com")


@dataclass
class Recorder:
    """Notes what it is told."""

    switches: list[Switch] = field(default_factory=list)
    works: list[Work] = field(default_factory=list)

    def switched(self, switch: Switch) -> None:
        self.switches.append(switch)

    def answered(self, eim_id: str) -> None:
        raise AssertionError(eim_id)

    def failed(self, eim_id: str, error: NetworkError) -> None:
        raise AssertionError(eim_id)

    def undecided(self) -> bool:
        return False

    def executing(self, work: Work) -> AbstractAsyncContextManager[None]:
        self.works.append(work)
        return nullcontext()


class SwitchingEuicc(FakeEuicc):
    """An eUICC with fallback: ICCID1 has the attribute."""

    former: Iccid | None = None
    answer: IntEnum | None = None

    def _profile(self, iccid: Iccid, enabled: bool) -> ProfileInfo:
        shown = super()._profile(iccid, enabled)
        values = {name: getattr(shown, name) for name in ("iccid", "profile_state", "ecall_indication")}
        return ProfileInfo(**values, fallback_attribute=iccid == ICCID1)

    async def _switch(self, name: str, target: Iccid | None) -> None:
        await self._enter(name)
        if self.answer is not None:
            raise EuiccResultError(name, self.answer)
        self.state.pending = target
        self._leave(name)

    async def execute_fallback_mechanism(self, *, refresh_flag: bool = True) -> None:
        self.former = self.state.enabled
        await self._switch("execute", ICCID1)

    async def return_from_fallback(self, *, refresh_flag: bool = True) -> None:
        await self._switch("return", self.former)

    async def enable_emergency_profile(self, *, refresh_flag: bool = True) -> None:
        self.former = self.state.enabled
        await self._switch("emergency", ICCID1)

    async def disable_emergency_profile(self, *, refresh_flag: bool = True) -> None:
        await self._switch("end", self.former)

    async def enable_profile(self, profile: Iccid, *, refresh_flag: bool = True) -> None:
        await self._switch("enable", profile)


async def ready() -> tuple[Bench, SwitchingEuicc, Recorder]:
    bench, recorder = Bench(card=card_state(*EIMS)), Recorder()
    euicc = SwitchingEuicc(bench.card)
    bench.euicc = euicc
    bench.settings["observer"] = recorder
    await bench.start()
    return bench, euicc, recorder


async def test_fallback_and_return_are_told_to_every_eim_and_to_the_modem() -> None:
    bench, _, recorder = await ready()
    assert await execute_fallback(bench.ipa) is Outcome.DONE
    assert bench.card.enabled == ICCID1
    assert bench.connectivity.recovered == [ICCID1]
    assert recorder.switches == [Switch(origin=Origin.FALLBACK, iccid=ICCID1, previous=ICCID2)]
    assert recorder.works == [Work.SWITCH]
    content = bench.ipa.journal.content
    assert content.notify == dict.fromkeys(EIMS, StateChangeCause.FALLBACK)
    assert content.switching is None
    assert await return_from_fallback(bench.ipa, ICCID2) is Outcome.DONE
    assert bench.card.enabled == ICCID2
    assert recorder.switches[-1] == Switch(origin=Origin.RETURN, iccid=ICCID2, previous=ICCID1)


async def test_return_to_a_profile_that_only_the_eUICC_knows() -> None:
    bench, _, recorder = await ready()
    await execute_fallback(bench.ipa)
    assert await return_from_fallback(bench.ipa) is Outcome.DONE
    assert recorder.switches[-1].iccid == ICCID2


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (ExecuteFallbackMechanismResult.CAT_BUSY, Outcome.BUSY),
        (ExecuteFallbackMechanismResult.ECALL_ACTIVE, Outcome.BUSY),
        (ExecuteFallbackMechanismResult.FALLBACK_NOT_AVAILABLE, Outcome.REFUSED),
        (ExecuteFallbackMechanismResult.COMMAND_ERROR, Outcome.REFUSED),
        (ExecuteFallbackMechanismResult.UNDEFINED_ERROR, Outcome.FAILED),
        (ReturnFromFallbackResult.UNDEFINED_ERROR, Outcome.FAILED),
    ],
)
async def test_answer_of_the_euicc_says_whether_to_ask_again(answer: IntEnum, outcome: Outcome) -> None:
    bench, euicc, recorder = await ready()
    euicc.answer = answer
    assert await execute_fallback(bench.ipa) is outcome
    assert recorder.switches == []
    assert bench.ipa.journal.content.notify == {}
    assert bench.ipa.journal.content.switching is None


async def test_euicc_without_the_function_refuses_for_good() -> None:
    bench, euicc, _ = await ready()
    euicc.fail["execute"] = StatusWordError("no such function", sw=0x6A88)
    assert await execute_fallback(bench.ipa) is Outcome.REFUSED


@pytest.mark.parametrize("error", [CardError("gone"), StatusWordError("GET RESPONSE", sw=0x6F00)], ids=["lost", "6F00"])
async def test_lost_answer_is_looked_up_on_the_card(error: CardError) -> None:
    bench, euicc, recorder = await ready()
    euicc.lose_answer["execute"] = error
    assert await execute_fallback(bench.ipa) is Outcome.DONE
    assert recorder.switches[0].iccid == ICCID1
    euicc.fail["return"] = error
    assert await return_from_fallback(bench.ipa) is Outcome.FAILED
    assert len(recorder.switches) == 1


async def test_fallback_does_not_wait_for_a_full_disk() -> None:
    bench, _, recorder = await ready()
    bench.store.room = 0
    assert await execute_fallback(bench.ipa) is Outcome.DONE
    assert bench.card.enabled == ICCID1
    assert len(recorder.switches) == 1


async def test_cause_of_a_switch_that_a_power_cut_interrupted_is_told_all_the_same() -> None:
    bench, euicc, _ = await ready()
    await bench.ipa.journal.commit(bench.ipa.journal.content)
    bench.store.room = 1
    await execute_fallback(bench.ipa)
    bench.store.room = None
    bench.restart()
    bench.euicc = euicc
    await bench.start()
    assert bench.ipa.journal.content.notify == dict.fromkeys(EIMS, StateChangeCause.FALLBACK)
    assert bench.ipa.journal.content.switching is None


async def test_emergency_profile_is_told_to_eims_only_when_it_is_over() -> None:
    bench, _, recorder = await ready()
    assert await enable_emergency(bench.ipa) is Outcome.DONE
    assert bench.ipa.journal.content.notify == {}
    assert await disable_emergency(bench.ipa) is Outcome.DONE
    assert bench.ipa.journal.content.notify == dict.fromkeys(EIMS, StateChangeCause.EMERGENCY_PROFILE)
    assert [switch.origin for switch in recorder.switches] == [Origin.EMERGENCY] * 2
    assert bench.card.enabled == ICCID2


async def test_profile_of_a_consumer_euicc_is_enabled_locally_and_may_be_brought_back() -> None:
    bench, euicc, recorder = await ready()
    euicc.log.clear()
    assert await enable_locally(bench.ipa, ICCID1) is Outcome.DONE
    assert recorder.switches == [Switch(origin=Origin.LOCAL, iccid=ICCID1, previous=ICCID2, rollback=True)]
    assert "get_eim_configuration_data" not in euicc.log
