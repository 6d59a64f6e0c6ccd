"""Power cuts between any two steps: before and after every call of a port and every write of the journal.

A scenario is run once to count its points, then once for each point with the power cut there, and once more for pairs
of cuts. After each cut the agent starts from the journal alone until everything is quiet. Then must hold: every result
that the card signed reached the eIM, repeats are byte for byte the same, nothing was executed twice, and what is known
to nobody any more was reported as undefinedError.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from ipad.codec.esipa import EimPackageResultErrorCode, IpaEuiccDataRequest, ProvideEimPackageResult
from ipad.codec.euicc_package import (
    CmdResult,
    Delete,
    DeleteEim,
    Disable,
    Eco,
    Enable,
    EuiccPackageRequest,
    Psmo,
)
from ipad.codec.profile import ProfileInfoListRequest
from ipad.ids import Iccid
from ipad.policy.limits import Timers
from ipad.procedures.package_facts import result_facts
from tests.fakes.card_state import CardEim, card_state
from tests.fakes.eim import EimServer, epr_of, package_of
from tests.fakes.packages import eim_configuration, euicc_package
from tests.fakes.power import Fuse, PowerCut
from tests.fakes.values import ICCID1, ICCID2, ICCID3
from tests.ipad.procedures.bench import Bench

EIM = "eim.example.com"
EIM2 = "eim2.example.com"
FAST = Timers(delivery_retries=(10.0,), new_session=60.0)


def enable(iccid: Iccid, *, rollback: bool = False) -> Psmo:
    return Psmo(enable=Enable(iccid=iccid.octets, rollback_flag=rollback))


def disable(iccid: Iccid) -> Psmo:
    return Psmo(disable=Disable(iccid=iccid.octets))


def delete(iccid: Iccid) -> Psmo:
    return Psmo(delete=Delete(iccid=iccid.octets))


LIST = Psmo(list_profile_info=ProfileInfoListRequest())


@dataclass(frozen=True)
class Scenario:
    """How the world is set up, and what must be so at the end whatever happened."""

    set_up: Callable[[Bench], None]
    check: Callable[[Bench], None]
    packages: tuple[EuiccPackageRequest, ...] = ()


def offer(bench: Bench, *packages: EuiccPackageRequest) -> None:
    for package in packages:
        bench.servers[EIM].offer(package)


# --- scenarios ----------------------------------------------------------------------------------------

SWITCH = (
    euicc_package(LIST, counter=5),
    euicc_package(enable(ICCID1, rollback=True), counter=6),
    euicc_package(delete(ICCID3), counter=7),
    euicc_package(disable(ICCID1), enable(ICCID2), counter=8),
)


def switch_check(bench: Bench) -> None:
    executed = {txid for _, _, txid in bench.card.executed}
    if len(executed) == len(SWITCH):
        assert bench.card.enabled == ICCID2
        assert ICCID3 not in bench.card.profiles


def unreachable(bench: Bench) -> None:
    bench.servers[EIM].reachable = lambda: bench.card.enabled != ICCID1
    offer(bench, *ROLLBACK)


ROLLBACK = (euicc_package(enable(ICCID1, rollback=True), counter=5), euicc_package(LIST, counter=6))


def rollback_check(bench: Bench) -> None:
    assert bench.card.enabled == ICCID2
    eprs = [epr for message in bench.servers[EIM].results if (epr := epr_of(message)) is not None]
    granted = [epr for epr in eprs if result_facts(epr).enabled]
    assert not granted, "the replaced result must not be sent"


def no_service(bench: Bench) -> None:
    bench.connectivity.service = lambda iccid: iccid == ICCID2
    unreachable(bench)


def refused_rollback(bench: Bench) -> None:
    unreachable(bench)
    bench.euicc.rollback_answers = [CmdResult.ROLLBACK_NOT_ALLOWED] * 100
    bench.clock.now = 1_800_000_000.0
    bench.servers[EIM].reachable = lambda: bench.card.enabled != ICCID1 or bench.clock.now > 1_800_000_060.0


def refused_check(bench: Bench) -> None:
    executed = {counter for _, counter, _ in bench.card.executed}
    assert bench.card.enabled == (ICCID1 if 5 in executed else ICCID2)


ECO = (
    euicc_package(Eco(add_eim=eim_configuration(EIM2, counter=0, token=-1)), counter=5),
    euicc_package(Eco(delete_eim=DeleteEim(eim_id="eim3.example.com")), counter=6),
    euicc_package(Eco(update_eim=eim_configuration(EIM, fqdn="moved.example.com")), counter=7),
)


def eco_set_up(bench: Bench) -> None:
    bench.servers[EIM2] = EimServer(EIM2)
    bench.servers["moved.example.com"] = bench.servers[EIM]
    bench.card.eims["eim3.example.com"] = CardEim(eim_configuration("eim3.example.com"), 0)
    bench.servers["eim3.example.com"] = EimServer("eim3.example.com")
    offer(bench, *ECO)


def eco_check(bench: Bench) -> None:
    if len(bench.card.executed) == len(ECO):
        assert set(bench.card.eims) == {EIM, EIM2}
        assert bench.servers[EIM2].requests


OWN = (euicc_package(Eco(delete_eim=DeleteEim(eim_id=EIM)), counter=5),)


def own_check(bench: Bench) -> None:
    if bench.card.executed:
        assert not bench.card.eims
        assert not bench.ipa.journal.content.notify


ERRORS = (
    euicc_package(LIST, counter=4),  # replay: signed error
    euicc_package(LIST, counter=5, good=False),  # unsigned error
    euicc_package(LIST, counter=6),
)


def data_set_up(bench: Bench) -> None:
    bench.servers[EIM].offer(IpaEuiccDataRequest(tag_list=bytes.fromhex("A081A2BF20BF228384A5A6A8A9")))
    offer(bench, euicc_package(LIST, counter=5))
    bench.servers[EIM].offer(bytes.fromhex("BF6F00"))
    bench.servers[EIM].offer(bytes.fromhex("BF540AA00281008204A1A2A3A4"))


def data_check(bench: Bench) -> None:
    results = [ProvideEimPackageResult.decode(message).eim_package_result for message in bench.servers[EIM].results]
    assert len({item.encode() for item in results if item.ipa_euicc_data_response is not None}) == 1


SCENARIOS = {
    "switch": Scenario(lambda bench: offer(bench, *SWITCH), switch_check, SWITCH),
    "rollback": Scenario(unreachable, rollback_check, ROLLBACK),
    "rollback-no-service": Scenario(no_service, rollback_check, ROLLBACK),
    "rollback-refused": Scenario(refused_rollback, refused_check, ROLLBACK),
    "eco": Scenario(eco_set_up, eco_check, ECO),
    "own-eim-deleted": Scenario(lambda bench: offer(bench, *OWN), own_check, OWN),
    "errors": Scenario(lambda bench: offer(bench, *ERRORS), lambda bench: None, ERRORS),
    "data": Scenario(data_set_up, data_check, (euicc_package(LIST, counter=5),)),
}


# --- the harness --------------------------------------------------------------------------------------


async def play(scenario: Scenario, cuts: tuple[int, ...]) -> tuple[Bench, int]:
    """Run the scenario with power cuts at these points, each counted from the start before it."""
    bench = Bench(card=card_state(EIM), timers=FAST)
    scenario.set_up(bench)
    fuse = Fuse()
    for cut in cuts:
        fuse = Fuse(blow_at=cut)
        try:
            await bench.start(fuse)
            await until_quiet(bench)
        except PowerCut:
            pass
        else:
            break
        bench.restart()
    if not cuts or hasattr(bench, "ipa"):
        return bench, fuse.passed
    fuse = Fuse()
    await bench.start(fuse)
    await until_quiet(bench)
    return bench, fuse.passed


async def until_quiet(bench: Bench) -> None:
    for _ in range(8):
        report = await bench.run()
        if report.outcome.value == "nothingToDo":
            return
        bench.clock.now += 60
    raise AssertionError(f"not quiet after 8 runs: {report}")


def check(bench: Bench, scenario: Scenario, where: str) -> None:
    """What holds after every story."""
    content = bench.ipa.journal.content
    assert content.marker is None, where
    assert not content.undelivered, where
    received = bench.servers[EIM].results
    eprs: dict[int, set[bytes]] = {}
    messages: dict[bytes, set[bytes]] = {}
    for message in received:
        epr = epr_of(message)
        if epr is not None:
            messages.setdefault(epr.encode(), set()).add(message)
            if epr.euicc_package_result_signed is not None:
                number = epr.euicc_package_result_signed.euicc_package_result_data_signed.seq_number
                eprs.setdefault(number, set()).add(epr.encode())
    for number, variants in eprs.items():
        assert len(variants) == 1, f"{where}: result {number} arrived in {len(variants)} forms"
    for variants in messages.values():
        assert len(variants) == 1, f"{where}: a repeated delivery is not the same"
    assert not bench.card.results, f"{where}: a signed result is left on the card"
    executed = [txid for _, _, txid in bench.card.executed]
    assert len(executed) == len(set(executed)), f"{where}: executed twice"
    lost = {package_of(message) for message in received if is_lost(message)}
    for package in scenario.packages:
        txid = package.euicc_package_signed.eim_transaction_id
        signed = {epr.encode() for m in received if package_of(m) == txid and (epr := epr_of(m)) is not None}
        if txid in executed:
            assert signed, f"{where}: the result of an executed package did not arrive"
            assert txid not in lost, f"{where}: an executed package was reported as lost"
        else:
            assert signed or txid in lost, f"{where}: nobody told the eIM what became of {txid!r}"
        assert len(signed) + (txid in lost) == 1, f"{where}: two results for one package"


def is_lost(message: bytes) -> bool:
    error = ProvideEimPackageResult.decode(message).eim_package_result.eim_package_result_response_error
    return error is not None and error.eim_package_result_error_code == EimPackageResultErrorCode.UNDEFINED_ERROR


@pytest.mark.asyncio
@pytest.mark.parametrize("name", SCENARIOS)
async def test_without_power_cut_every_package_is_executed(name: str) -> None:
    scenario = SCENARIOS[name]
    bench, points = await count(scenario)
    check(bench, scenario, "no cut")
    scenario.check(bench)
    assert points > 20
    received = bench.servers[EIM].results
    assert not [message for message in received if is_lost(message)]
    assert len(received) == len(set(received)), "nothing is delivered twice without need"


async def count(scenario: Scenario) -> tuple[Bench, int]:
    bench = Bench(card=card_state(EIM), timers=FAST)
    scenario.set_up(bench)
    fuse = Fuse()
    await bench.start(fuse)
    await until_quiet(bench)
    return bench, fuse.passed


@pytest.mark.asyncio
@pytest.mark.parametrize("name", SCENARIOS)
async def test_power_cut_at_every_point(name: str) -> None:
    scenario = SCENARIOS[name]
    _, points = await count(scenario)
    for point in range(1, points + 1):
        bench, _ = await play(scenario, (point,))
        check(bench, scenario, f"{name}, cut at {point} of {points}")
        scenario.check(bench)


@pytest.mark.asyncio
@pytest.mark.parametrize("name", ["rollback", "errors"])
async def test_second_power_cut_during_the_recovery(name: str) -> None:
    scenario = SCENARIOS[name]
    _, points = await count(scenario)
    for point in range(1, points + 1, 5):
        _, again = await play(scenario, (point,))
        for second in range(1, again + 1, 7):
            bench, _ = await play(scenario, (point, second))
            check(bench, scenario, f"{name}, cuts at {point} and {second}")
            scenario.check(bench)


async def cut_in(bench: Bench, name: str, port: object) -> None:
    """Run until this method of a port is called; there the process dies, the card keeps its power."""

    async def die(*args: object) -> object:
        raise PowerCut(name)

    setattr(port, name, die)
    with pytest.raises(PowerCut):
        await bench.run()
    delattr(port, name)
    pending = bench.card.pending
    bench.card.pending = False
    bench.restart()
    bench.card.pending = pending


@pytest.mark.asyncio
async def test_switch_that_nobody_fetched_is_completed_by_a_reset_at_the_restart() -> None:
    bench = Bench(card=card_state(EIM), timers=FAST)
    offer(bench, euicc_package(enable(ICCID1), counter=5))
    await cut_in(bench, "recover_sim", bench.connectivity)
    assert bench.card.enabled == ICCID2
    report = await bench.run()
    assert bench.card.enabled == ICCID1
    assert report.recovered[0].profile_changed
    assert len(bench.servers[EIM].results) == 1


@pytest.mark.asyncio
async def test_restart_with_a_result_to_deliver_makes_the_modem_read_the_card_again() -> None:
    bench = Bench(card=card_state(EIM), timers=FAST)
    offer(bench, euicc_package(enable(ICCID1), counter=5))
    await bench.run_once()
    bench.restart()
    bench.connectivity.recovered.clear()
    await bench.run()
    assert bench.connectivity.recovered == [ICCID1]
    assert len(bench.servers[EIM].results) == 1


@pytest.mark.asyncio
async def test_acknowledged_switch_is_never_rolled_back() -> None:
    bench = Bench(card=card_state(EIM), timers=FAST)
    offer(bench, euicc_package(enable(ICCID1, rollback=True), counter=5))
    await cut_in(bench, "remove_notification_from_list", bench.euicc)
    bench.servers[EIM].reachable = lambda: False
    await bench.run()
    assert bench.card.enabled == ICCID1
    assert not bench.card.results
    assert "profile_rollback" not in bench.euicc.log
    assert len(bench.servers[EIM].results) == 1
