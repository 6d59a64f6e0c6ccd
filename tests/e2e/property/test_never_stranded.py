"""The promise on the whole stack: whatever happens, the device is online again within the stated bound.

`make test` plays a few lives that are always the same, `make lives` as many as one likes; see docs/policy.md.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from hil.euicc import EuiccKind, default_card
from hil.euicc.config import CardConfig
from hil.pki import Pki
from tests.e2e.property.life import Life
from tests.e2e.property.scenario import PROFILES, WEATHER_ENDS, Scenario, scenarios
from tests.e2e.virtual.device import Device, connect_to

EXAMPLES = int(os.environ.get("IPAD_STRANDED_EXAMPLES", "20"))
AT_LENGTH = "IPAD_STRANDED_EXAMPLES" in os.environ


@pytest.fixture(scope="session", name="pki")
def _pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"))


def factory(pki: Pki, scenario: Scenario) -> CardConfig:
    """The card of the bench, with the fallback attribute where the scenario wants it."""
    config = default_card(eid=pki.eid)
    profiles = (
        replace(
            profile,
            fallback_attribute=profile.iccid == scenario.fallback,
            fallback_allowed=True if profile.iccid in PROFILES else profile.fallback_allowed,
        )
        for profile in config.profiles
    )
    return replace(config, profiles=tuple(profiles))


def play(pki: Pki, scenario: Scenario) -> Life:
    folder = Path(tempfile.mkdtemp(prefix="stranded-"))
    try:
        with pytest.MonkeyPatch.context() as patch:
            device = Device(folder, pki, EuiccKind.IOT, factory(pki, scenario))
            connect_to(device, patch)
            life = Life(device, scenario)
            device.run(life.live())
            return life
    finally:
        shutil.rmtree(folder)


@settings(
    max_examples=EXAMPLES,
    derandomize=not AT_LENGTH,
    print_blob=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(scenario=scenarios)
def test_device_is_online_again_and_never_ends_worse(pki: Pki, scenario: Scenario) -> None:
    life = play(pki, scenario)
    story = life.tell()
    assert not life.unhandled, f"{life.unhandled}\n{story}"
    if not life.undone_since:
        assert life.was_online(WEATHER_ENDS), f"not online within {life.bound:.0f} s\n{story}"
        assert life.online or life.looking, f"worse than it began\n{story}"
    # A package is executed once, whatever interrupts it.
    assert len(set(life.device.loaded)) == len(life.device.loaded), story
