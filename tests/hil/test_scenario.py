"""Scenario files: strict, complete, and the shipped ones are sound."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from hil.modem.loading import DataError
from hil.network import Access, Service
from hil.scenario import Place, Scenario, Step, best_signal, change_service, parse, read, shipped

DOCUMENT = Path(__file__).parents[2] / "docs" / "scenarios.md"


def step(**members: Any) -> dict[str, Any]:
    return {"name": "x", "step": [{"at": 1.0, **members}]}


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    toml, plain = tmp_path / "gap.toml", tmp_path / "gap.json"
    toml.write_text(
        '[operator.26201]\ntechnologies = { lte = -90 }\n[[step]]\nat = 5\noperator = "26201"\ncoverage = false\n'
    )
    plain.write_text(
        json.dumps(
            {
                "operator": {"26201": {"technologies": {"lte": -90}}},
                "step": [{"at": 5, "operator": "26201", "coverage": False}],
            }
        )
    )
    assert read(toml) == read(plain)
    assert read(toml).name == "gap"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"nam": "x"}, "unknown key 'nam'"),
        ({"name": "x", "operator": []}, "operator: expected a table"),
        ({"name": "x", "operator": {"home": {}}}, "operator.home: a PLMN has 5 or 6 digits"),
        ({"name": "x", "operator": {"26201": {"technologies": {"6g": -80}}}}, "unknown technology '6g'"),
        ({"name": "x", "technologies": ["wimax"]}, "unknown technology 'wimax'"),
        ({"name": "x", "step": {}}, "step: expected a list"),
        ({"name": "x", "step": [5]}, r"step\[0\]: expected a table"),
        ({"name": "x", "step": [{}]}, r"step\[0\]: missing key 'at'"),
        (step(at=-1.0), "at: expected 0 to"),
        (step(operator="26"), "a PLMN has 5 or 6 digits"),
        (step(signal=-90.0), "belong to an operator"),
        (step(barred=True), "belong to an operator"),
        (step(operator="26201", technology="5g"), "unknown technology '5g'"),
        (step(times=3), "times needs every"),
        (step(lasts=60.0, every=60.0, times=2), "must be over before it comes again"),
        (step(service={"dat": False}), r"step\[0\].service: unknown key 'dat'"),
        (step(service=5), "service: expected a table"),
        (step(modem={"silent": "yes"}), r"step\[0\].modem.silent: expected bool"),
        (step(power="cut"), "expected one of"),
        (step(partners="26201"), "expected a list"),
    ],
)
def test_fault_is_named_with_its_place(data: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse(data, "file")


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"missing\.toml"):
        read(tmp_path / "missing.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("= 5")
    with pytest.raises(DataError, match=r"broken\.toml"):
        read(broken)
    listed = tmp_path / "list.json"
    listed.write_text("[]")
    with pytest.raises(DataError, match="expected a table"):
        read(listed)


def test_cause_zero_is_none() -> None:
    refused = Service(reject_cause=3, session_cause=33)
    assert change_service(refused, {"reject_cause": 0, "session_cause": 0}, "x") == Service()


def test_modem_takes_the_most_modern_technology_that_it_can_receive() -> None:
    levels = {Access.GSM: -70.0, Access.E_UTRAN: -110.0}
    everything = frozenset(Access)
    best = best_signal(levels, everything)
    assert best is not None
    assert best[0] is Access.E_UTRAN
    assert best[1].rsrp == -110.0
    assert best_signal(levels, frozenset({Access.GSM})) is not None
    assert best_signal(levels, frozenset({Access.NR})) is None
    assert best_signal({}, everything) is None


def test_repeated_step_names_its_moments() -> None:
    assert Step(at=5.0, every=10.0, times=3).moments == (5.0, 15.0, 25.0)
    assert Step(at=5.0).moments == (5.0,)


@pytest.mark.parametrize("path", list(shipped()), ids=lambda path: path.stem)
def test_shipped_scenario_is_sound(path: Path) -> None:
    scenario = read(path)
    assert scenario.name == path.stem
    assert scenario.about
    assert scenario.steps
    assert all(moment <= scenario.length for step in scenario.steps for moment in step.moments)
    assert {"00101", "00102"} <= set(scenario.operators)


def test_every_key_and_every_shipped_scenario_is_documented() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for cls in (Scenario, Place, Step):
        for item in fields(cls):
            if item.name not in ("operators", "steps"):
                assert f"`{item.name}`" in text, f"{cls.__name__}.{item.name}"
    for path in shipped():
        assert f"`{path.stem}`" in text, path.stem
