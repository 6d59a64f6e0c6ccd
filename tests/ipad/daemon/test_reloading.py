"""What a new configuration changes in a process that runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ipad.bearer.settings import ApnConfig, BearerConfig
from ipad.config import Config, EimConfig, EsipaConfig, LogConfig, ModemConfig, StateConfig
from ipad.daemon.reloading import reload

OLD = Config(modems={"modem": ModemConfig(port="/dev/a")})


def test_nothing_changes_with_the_same_file() -> None:
    found = reload(OLD, OLD)
    assert found.config == OLD
    assert str(found.changes) == "nothing that is in effect has changed"


def test_what_can_take_effect_does_and_the_rest_stays() -> None:
    new = replace(
        OLD,
        modems={"modem": ModemConfig(port="/dev/b")},
        state=StateConfig(Path("/elsewhere")),
        esipa=EsipaConfig(poll_interval=60.0),
        eim={"eim.example.com": EimConfig(enabled=False)},
        log=LogConfig(level="debug", events_size=8192),
    )
    found = reload(OLD, new)
    assert found.config == replace(
        OLD, esipa=new.esipa, eim=new.eim, log=replace(new.log, events_size=OLD.log.events_size)
    )
    assert set(found.changes.applied) >= {"esipa.poll_interval", 'eim."eim.example.com".enabled', "log.level"}
    assert found.changes.postponed == ("state.directory", "modem.port", "log.events_size")


def test_modem_that_is_added_waits_for_a_restart() -> None:
    new = replace(OLD, modems={"wan": ModemConfig(port="/dev/a"), "spare": ModemConfig(port="/dev/b")})
    found = reload(OLD, new)
    assert found.config.modems == OLD.modems
    assert "modem.spare.port" in found.changes.postponed
    assert found.changes.applied == ()


@pytest.mark.parametrize(("before", "after"), [("one", "two"), ("", "one")])
def test_secret_that_changes_is_named_and_not_shown(before: str, after: str) -> None:
    old = replace(OLD, bearer=BearerConfig(apn=(ApnConfig(user="u", password=before),)))
    new = replace(OLD, bearer=BearerConfig(apn=(ApnConfig(user="u", password=after),)))
    found = reload(old, new)
    assert str(found.changes) == "changed: bearer.apn.0.password"
    assert found.config.bearer.apn[0].password == after
