"""eUICCMemoryReset of an IoT eUICC (SGP.32 5.9.5): each part tells of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hil import codec
from hil.euicc.config import ProfileClass
from hil.euicc.state import ImmediateEnable
from tests.hil.euicc.bench import ICCID1, ICCID2, Bench
from tests.vectors.sgp32 import MESSAGES


def reset(bench: Bench, *bits: int) -> dict[str, int]:
    request = codec.encode("EuiccMemoryResetRequest", {"resetOptions": codec.bits(*bits)})
    return dict(codec.decode("EuiccMemoryResetResponse", bench.es10(request)))


def test_profiles_and_eims_go_together_as_published(bench: Bench) -> None:
    assert bench.es10(MESSAGES["EZ1"]) == MESSAGES["EZ2"]
    assert bench.state.profiles == ()
    assert bench.state.eims == ()
    assert bench.send("80F2000C00") == "910B"


def test_eims_without_profiles_to_delete(bench: Bench) -> None:
    assert reset(bench, 1, 5) == {"resetResult": 1, "resetEimResult": 0}
    assert reset(bench, 5) == {"resetResult": 1, "resetEimResult": 1}


def test_only_settings_are_reset(bench: Bench) -> None:
    bench.change(immediate_enable=ImmediateEnable(enabled=True))
    assert reset(bench, 6) == {"resetResult": 0, "resetImmediateEnableConfigResult": 0}
    assert reset(bench, 6) == {"resetResult": 1, "resetImmediateEnableConfigResult": 0}
    assert reset(bench, 5, 6) == {
        "resetResult": 0,
        "resetEimResult": 0,
        "resetImmediateEnableConfigResult": 0,
    }
    assert reset(bench) == {"resetResult": 1}


@pytest.mark.parametrize(
    ("kind", "preloaded", "bit"),
    [
        (ProfileClass.TEST, False, 1),
        (ProfileClass.TEST, True, 3),
        (ProfileClass.PROVISIONING, True, 4),
        (ProfileClass.OPERATIONAL, True, 0),
    ],
)
def test_each_class_has_its_bit(bench: Bench, kind: ProfileClass, preloaded: bool, bit: int) -> None:
    others = [other for other in (0, 1, 3, 4) if other != bit]
    bench.change(
        profiles=tuple(replace(item, profile_class=kind, preloaded=preloaded) for item in bench.state.profiles)
    )
    assert reset(bench, *others) == {"resetResult": 1}
    assert reset(bench, bit) == {"resetResult": 0}
    assert bench.state.profiles == ()


def test_numbers_go_on_after_a_reset(bench: Bench) -> None:
    reset(bench, 0, 5)
    assert [item.sequence_number for item in bench.state.notifications] == [1, 2]
    bench.reopen()
    assert bench.state.next_sequence_number == 3
    assert bench.state.next_association_token == 2


def test_way_back_from_fallback_goes_with_its_profile(bench: Bench) -> None:
    bench.change(fallback_return=ICCID1)
    assert bench.state.enabled_profile is not None
    assert bench.state.enabled_profile.iccid == ICCID2
    reset(bench, 0)
    assert bench.state.fallback_return is None
