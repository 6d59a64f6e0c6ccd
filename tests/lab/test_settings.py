"""What the owner of a board says of it. Runs without labgrid, too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hil.lab.settings import read_settings
from hil.suite.ability import Ability
from hil.suite.errors import TargetError
from hil.suite.limits import HARDWARE

HERE = Path("/boards")


def test_board_needs_only_a_folder_for_the_bench() -> None:
    settings = read_settings({"bench": {"state": "bench"}}, HERE)
    assert settings.bench.state == "/boards/bench"
    assert (settings.bench.host, settings.bench.listen, settings.bench.associate) == ("localhost", "127.0.0.1", False)
    assert settings.times == HARDWARE
    assert settings.abilities == ()


def test_everything_can_be_said() -> None:
    settings = read_settings(
        {
            "bench": {"state": "/s", "pki": "pki", "certificate": "euicc.der", "host": "bench.example.com", "eim": 443},
            "abilities": ["fallback", "test-profile"],
            "limits": {"switch": 600, "poll": 12.5},
            "configuration": "[timers]\nsession = 90\n",
            "policy": "[poll]\nper_day = 4\n",
            "files": "/tmp/files",
            "sim_mux": False,
        },
        HERE,
    )
    assert (settings.bench.pki, settings.bench.certificate) == ("/boards/pki", "/boards/euicc.der")
    assert (settings.times.switch, settings.times.poll) == (600.0, 12.5)
    assert settings.abilities == (Ability.FALLBACK, Ability.TEST_PROFILE)
    assert settings.sim_mux is False


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, "options.suite: missing key 'bench'"),
        (None, "options.suite: expected a table"),
        ({"bench": {}}, "options.suite.bench: missing key 'state'"),
        ({"bench": {"state": "s", "port": 1}}, "options.suite.bench: unknown key 'port', there are associate, "),
        ({"bench": {"state": "s"}, "activation_codes": "1$a$b"}, "options.suite.activation_codes: expected a list"),
        ({"bench": {"state": "s", "eim": 70000}}, "eim: expected a port, found 70000"),
        ({"bench": {"state": "s", "forward": True, "host": "a.example"}}, "host cannot be 'a.example'"),
        ({"bench": {"state": "s"}, "abilities": ["fly"]}, "abilities[0]: expected one of"),
        ({"bench": {"state": "s"}, "abilities": ["card-bench"]}, "card-bench shows by itself and is not declared"),
        ({"bench": {"state": "s"}, "limits": {"lunch": 1}}, "limits: unknown name 'lunch'"),
        ({"bench": {"state": "s"}, "limits": {"poll": 0}}, "limits.poll: expected seconds above 0"),
        ({"bench": {"state": "s"}, "configuration": "[timers"}, "configuration: "),
        ({"bench": {"state": "s"}, "policy": "= 1"}, "policy: "),
        ({"bench": {"state": "s"}, "files": "files"}, "files: expected an absolute path"),
    ],
)
def test_wrong_settings_say_where_and_what(value: Any, said: str) -> None:
    with pytest.raises(TargetError) as caught:
        read_settings(value, HERE)
    assert said in str(caught.value)
