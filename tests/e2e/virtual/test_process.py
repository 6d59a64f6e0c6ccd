"""The process: several modems, another configuration, a clean end, what is told to the service manager."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil.eim import content
from hil.eim.association import Outcome, Package, PackageState
from hil.modem.knobs import Knobs
from hil.pki import Pki
from ipad.bearer.backend import BearerBackend, make_backend
from ipad.bearer.settings import BearerConfig
from ipad.daemon.assembly import AgentFactory, timers
from ipad.errors import ConfigError
from tests.e2e.virtual.device import TWO, Device
from tests.e2e.virtual.house import OTHER_EID, TWO_MODEMS, House, configuration, house_of, two_devices

HOUR = 3600.0

Logged = Callable[[str], list[str]]


@pytest.fixture(scope="session", name="other_pki")
def _other_pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("other-pki"), eid=OTHER_EID)


@pytest.fixture(name="pair")
def _pair(tmp_path: Path, pki: Pki, other_pki: Pki, monkeypatch: pytest.MonkeyPatch) -> House:
    devices = two_devices(tmp_path, pki, other_pki, monkeypatch)
    house = House(devices, tmp_path / "ipad.toml")
    house.write(configuration(tmp_path, TWO_MODEMS))
    return house


@pytest.fixture(name="logged")
def _logged(caplog: pytest.LogCaptureFixture) -> Logged:
    """The messages that contain a text."""
    caplog.set_level(logging.INFO, "ipad")
    return lambda text: [record.getMessage() for record in caplog.records if text in record.getMessage()]


def queue_list(device: Device) -> Package:
    (package,) = device.queue(content.psmo_package(content.list_profile_info()))
    return package


def done(package: Package) -> bool:
    return (package.state, package.outcome) == (PackageState.CLOSED, Outcome.OK)


# Several modems


def test_all_modems_of_the_configuration_are_served(pair: House, tmp_path: Path) -> None:
    packages = [queue_list(device) for device in pair.devices]
    pair.serve(until=HOUR)
    assert all(map(done, packages))
    assert pair.manager.sent.count("READY=1") == 1
    assert pair.manager.sent.count("STOPPING=1") == 1
    last = pair.manager.statuses[-1]
    assert last.startswith("wan: idle, next poll ")
    assert "; spare: idle, next poll " in last
    files = {file.name for file in (tmp_path / "state").iterdir()}
    assert {f"{kind}-{name}.cbor" for kind in ("journal", "policy") for name in ("wan", "spare")} <= files
    assert not any(device.port.in_use for device in pair.devices)


def test_modem_that_is_gone_disturbs_no_other_and_is_served_when_it_is_back(pair: House) -> None:
    _, spare = pair.devices
    spare.modem.power_off()
    packages = [queue_list(device) for device in pair.devices]
    early: list[bool] = []
    pair.serve(
        (600.0, lambda: early.extend(map(done, packages))),
        (600.0, spare.modem.power_on),
        until=HOUR,
    )
    assert early == [True, False]
    assert all(map(done, packages))
    assert "READY=1" in pair.manager.sent
    assert any("spare: failed: spare" in text or "no such port" in text for text in pair.manager.statuses)


def test_euicc_that_is_served_already_is_not_served_twice(
    tmp_path: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    devices = two_devices(tmp_path, pki, pki, monkeypatch)  # two ways to what says that it is one eUICC
    house = House(devices, tmp_path / "ipad.toml")
    house.write(configuration(tmp_path, TWO_MODEMS))
    (tmp_path / "state").mkdir()
    packages = [queue_list(device) for device in devices]
    house.serve(until=HOUR)
    assert sorted(map(done, packages)) == [False, True]
    assert len(logged("a second instance: eUICC 890490")) == 1
    assert "failed: a second instance" in house.manager.statuses[-1]


def test_wrong_settings_of_one_modem_take_out_that_one_until_they_are_right(
    pair: House, tmp_path: Path, logged: Logged
) -> None:
    modems = TWO_MODEMS.replace('port = "spare"', 'port = "spare"\nboard = "no-such"')
    pair.write(configuration(tmp_path, modems))
    package = queue_list(pair.devices[0])
    pair.serve(until=HOUR)
    assert done(package)
    assert "READY=1" in pair.manager.sent
    assert "spare: out of service: " in pair.manager.statuses[-1]
    (line,) = logged("out of service until")
    assert "no-such" in line


def test_no_modem_that_could_be_served_ends_the_process(pair: House, tmp_path: Path) -> None:
    wrong = TWO_MODEMS.replace('port = "wan"', 'board = "no-such"').replace('port = "spare"', 'board = "no-such"')
    pair.write(configuration(tmp_path, wrong))
    with pytest.raises(ConfigError, match="no-such"):
        pair.serve(until=HOUR)
    assert any("wan: out of service: " in text for text in pair.manager.statuses)
    # `systemctl start` fails then.
    assert "READY=1" not in pair.manager.sent


def test_error_of_the_agent_itself_with_one_modem_does_not_end_the_other(
    pair: House, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    real, broken = AgentFactory._check_kind, [1, 1]

    def check(self: AgentFactory, *args: object, **options: object) -> None:
        if self._config.modem().port == "spare" and broken:
            broken.pop()
            raise ZeroDivisionError("a bug")
        real(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(AgentFactory, "_check_kind", check)
    packages = [queue_list(device) for device in pair.devices]
    pair.serve(until=HOUR)
    assert all(map(done, packages))
    assert len(logged("an error of the agent itself")) == 2


def test_lines_of_several_modems_belong_to_them(pair: House, caplog: pytest.LogCaptureFixture) -> None:
    found: set[tuple[str, str]] = set()

    class Names(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            from ipad.observe.log_context import CONTEXT  # noqa: PLC0415

            context = CONTEXT.get()
            if record.getMessage().startswith("next poll"):
                found.add((record.name, context.modem if context is not None else ""))

    caplog.set_level(logging.INFO, "ipad")
    handler = Names()
    logging.getLogger("ipad").addHandler(handler)
    try:
        pair.serve(until=600.0)
    finally:
        logging.getLogger("ipad").removeHandler(handler)
    assert {name for _, name in found} == {"wan", "spare"}


# Another configuration


def test_shorter_poll_interval_holds_without_a_restart(device: Device, logged: Logged) -> None:
    house = house_of(device)
    before: list[int] = []

    def polls() -> int:
        return device.eim.association(device.eid).polls

    house.serve(
        (HOUR, lambda: before.append(polls())),
        (
            HOUR,
            lambda: house.write(
                configuration(device.folder, '[modem]\nport = "virtual"', "[esipa]\npoll_interval = 900\n")
            ),
        ),
        (HOUR, house.hup),
        until=3 * HOUR,
    )
    assert polls() - before[0] >= 6
    (line,) = logged("the configuration was read again")
    assert "changed: esipa.poll_interval" in line
    assert house.levels == ["info"]
    reloading = next(n for n, text in enumerate(house.manager.sent) if text.startswith("RELOADING=1\nMONOTONIC_USEC="))
    assert "READY=1" in house.manager.sent[reloading:]


def test_what_needs_a_restart_is_named_and_stays_as_it_was(device: Device, logged: Logged) -> None:
    house = house_of(device)
    text = configuration(device.folder, '[modem]\nport = "/dev/other"', "")
    package: list[Package] = []
    house.serve(
        (600.0, lambda: house.write(text)),
        (600.0, house.hup),
        (700.0, lambda: package.append(queue_list(device))),
        (700.0, house.poll_now),
        until=HOUR,
    )
    assert done(package[0])
    (line,) = logged("the configuration was read again")
    assert "only a restart changes modem.port" in line
    assert house.manager.statuses[-1].startswith("restart to change modem.port; idle")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("[esipa]\npol_interval = 900\n", "unknown key esipa.pol_interval"),
        ('[policy]\nfile = "missing.toml"\n', "missing.toml: No such file"),
        ("[esipa\n", "not valid TOML"),
    ],
)
def test_broken_file_changes_nothing_and_is_named(device: Device, logged: Logged, broken: str, reason: str) -> None:
    house = house_of(device)
    good = house.config.read_text()
    house.serve(
        (600.0, lambda: house.write(good + broken)),
        (600.0, house.hup),
        (900.0, lambda: house.manager.sent.append("again")),
        (900.0, lambda: house.write(good)),
        (900.0, house.hup),
        until=HOUR,
    )
    (line,) = logged("the configuration of before goes on to hold")
    assert reason in line
    assert str(device.folder) in line
    before_repair = [
        text for text in house.manager.sent[: house.manager.sent.index("again")] if text.startswith("STATUS=")
    ][-1]
    assert before_repair.startswith("STATUS=not reloaded: ")
    assert reason in before_repair
    assert house.manager.statuses[-1].startswith("idle")


def test_configuration_that_does_not_serve_is_taken_back(
    device: Device, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = make_backend

    def make(config: BearerConfig, *rest: Any) -> BearerBackend:
        if config.backend == "modemmanager":
            raise ConfigError("bearer.backend: the library is not installed")
        return real(config, *rest)

    monkeypatch.setattr("ipad.daemon.assembly.make_backend", make)
    house = house_of(device)
    wrong = configuration(device.folder, '[modem]\nport = "virtual"', '[bearer]\nbackend = "modemmanager"\n')
    packages: list[Package] = []
    house.serve(
        (600.0, lambda: house.write(wrong)),
        (600.0, house.hup),
        (900.0, lambda: packages.append(queue_list(device))),
        (900.0, house.poll_now),
        until=2 * HOUR,
    )
    assert done(packages[0])
    assert logged("the configuration of before holds again: bearer.backend: the library is not installed")
    assert house.manager.statuses[-1].startswith("not reloaded: bearer.backend: the library")


def test_configuration_that_served_once_is_never_taken_back(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    house = house_of(device)
    good = configuration(device.folder, '[modem]\nport = "virtual"', "[esipa]\npoll_interval = 900\n")
    wrong: list[bool] = []
    real = make_backend

    def make(*args: Any) -> BearerBackend:
        if wrong:
            raise ConfigError("a library went away")
        return real(*args)

    monkeypatch.setattr("ipad.daemon.assembly.make_backend", make)
    house.serve(
        (600.0, lambda: house.write(good)),
        (600.0, house.hup),
        (900.0, lambda: wrong.append(True)),
        (900.0, lambda: _reopen(house)),
        (1500.0, wrong.clear),
        until=2 * HOUR,
    )
    assert house.process is not None
    assert house.process.config.esipa.poll_interval == 900.0
    assert any(text.startswith("failed: a library went away") for text in house.manager.statuses)
    assert house.manager.statuses[-1].startswith("idle")


def _reopen(house: House) -> None:
    assert house.process is not None
    house.process.parts[0].service.adopt(timers(house.process.config), {}, 5.0)


def test_changed_policy_file_is_followed_and_its_rules_are_told(device: Device, logged: Logged) -> None:
    policy = device.folder / "policy.toml"
    rule = '[rule.told]\nwhen = "policy-changed"\ndo = "poll"\n'
    policy.write_text(f"[poll]\nper_day = 40\n{rule}")
    extra = f'[policy]\nfile = "{policy}"\n'
    house = house_of(device, extra)

    def settings() -> object:
        assert house.process is not None
        return house.process.parts[0].guard.engine.settings.poll.per_day

    seen: list[object] = []
    house.serve(
        (600.0, lambda: seen.append(settings())),
        (600.0, lambda: policy.write_text(f"[poll]\nper_day = 41\n{rule}")),
        (600.0, house.hup),
        (700.0, lambda: seen.append(settings())),
        until=HOUR,
    )
    assert seen == [40, 41]
    assert logged("polling early: rule told: the policy file changed")


# The end


@pytest.mark.parametrize("after", [n * 1.7 for n in range(1, 16)])
def test_stop_takes_five_seconds_at_most_and_closes_the_channel(device: Device, after: float) -> None:
    house = house_of(device)
    (package,) = device.queue(content.psmo_package(content.enable(TWO, rollback=True)))
    house.serve(until=after)
    assert house.ended_after <= 5.0
    assert not device.port.in_use
    assert device.card._channels.numbers == (0,)
    house_of(device).serve(until=HOUR)
    assert done(package)


def test_silent_modem_does_not_delay_the_end(device: Device) -> None:
    house = house_of(device)
    house.serve((600.0, lambda: device.modem.set_knobs(Knobs(silent=True))), until=700.0)
    assert house.ended_after <= 5.0


# The watchdog


def fed(house: House) -> int:
    return house.manager.sent.count("WATCHDOG=1")


def test_watchdog_is_fed_through_polls_and_pauses(device: Device) -> None:
    house = house_of(device)
    house.manager.watchdog_interval = 90.0
    house.serve(until=26 * HOUR)
    assert fed(house) >= 26 * HOUR / 90.0 - 2


def test_work_that_never_ends_is_not_covered_up_by_a_loop_that_turns(device: Device, logged: Logged) -> None:
    house = house_of(device)
    house.manager.watchdog_interval = 90.0

    async def never(*_: object) -> bytes:
        await device.clock.sleep(1e6)
        return b""

    counts: list[int] = []
    house.serve(
        (600.0, lambda: setattr(device.internet, "exchange", never)),
        (600.0, house.poll_now),
        (600.0 + HOUR, lambda: counts.append(fed(house))),
        until=600.0 + 2 * HOUR,
    )
    assert fed(house) == counts[0]
    assert any(text.startswith("hung: polling eim.example.com") for text in house.manager.statuses)
