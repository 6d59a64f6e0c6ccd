"""Stages for the tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.pki import Pki
from tests.e2e.scenarios.stage import MakeStage, Stage, factory
from tests.e2e.virtual.device import ONE, TWO


@pytest.fixture(scope="session", name="pki")
def _pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"))


@pytest.fixture(name="make_stage")
def _make_stage(tmp_path: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> MakeStage:
    """A stage; `enabled` is the profile at the beginning, `fallback` the one with the attribute."""

    def make(
        scenario: str | None = None, *, enabled: str = TWO, fallback: str | None = ONE, modem: str = "quectel-eg25"
    ) -> Stage:
        stage = Stage(tmp_path, pki, monkeypatch, factory(pki, enabled=enabled, fallback=fallback), modem)
        if scenario is not None:
            stage.set(scenario)
        return stage

    return make
