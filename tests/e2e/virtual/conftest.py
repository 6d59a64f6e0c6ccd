"""Devices for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hil.euicc import EuiccKind
from hil.pki import Pki
from tests.e2e.virtual.device import Device, connect_to

MakeDevice = Callable[[EuiccKind], Device]


@pytest.fixture(scope="session", name="pki")
def _pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"))


@pytest.fixture(name="make_device")
def _make_device(tmp_path: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> MakeDevice:
    """A device that the agent of this process finds."""

    def make(kind: EuiccKind = EuiccKind.IOT) -> Device:
        device = Device(tmp_path, pki, kind)
        connect_to(device, monkeypatch)
        return device

    return make


@pytest.fixture(name="device")
def _device(make_device: MakeDevice) -> Device:
    """An IoT eUICC in a Quectel modem, associated with an eIM."""
    device = make_device(EuiccKind.IOT)
    device.insert("quectel-eg25")
    device.provision()
    return device
