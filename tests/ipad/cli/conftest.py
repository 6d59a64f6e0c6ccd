"""What the tests of commands share: a process without a system configuration, and virtual cards in a reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.euicc import EuiccKind, VirtualEuicc, default_card
from hil.pki import Pki
from tests.own_log import own_log

CARD = ("--card", "pcsc:")
"""The option with which a command finds the virtual card."""


@pytest.fixture(autouse=True)
def _process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No configuration of the machine, and the log of the test run as it was."""
    monkeypatch.setattr("ipad.config.DEFAULT_PATH", tmp_path / "none.toml")
    with own_log():
        yield


class VirtualReader:
    """A PC/SC reader with a virtual card in it."""

    def __init__(self, card: VirtualEuicc) -> None:
        self.card = card
        self.connected = False

    def connect(self) -> None:
        if not self.connected:
            self.card.reset()
            self.connected = True

    def transmit(self, command: bytes) -> bytes:
        return self.card.transmit(command)

    def reset(self) -> None:
        self.card.reset()

    def disconnect(self) -> None:
        self.connected = False


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def insert(tmp_path: Path, pki: Pki, monkeypatch: pytest.MonkeyPatch) -> Callable[[EuiccKind], VirtualEuicc]:
    """Put a new card of a kind into the reader that `--card pcsc:` names."""

    def insert_card(kind: EuiccKind) -> VirtualEuicc:
        card = VirtualEuicc.create(tmp_path / "card", default_card(kind, eid=pki.eid), pki)
        monkeypatch.setattr("ipad.card.pcsc.PcscReader", lambda _name: VirtualReader(card))
        return card

    return insert_card


@pytest.fixture
def iot_card(insert: Callable[[EuiccKind], VirtualEuicc]) -> VirtualEuicc:
    return insert(EuiccKind.IOT)


@pytest.fixture
def consumer_card(insert: Callable[[EuiccKind], VirtualEuicc]) -> VirtualEuicc:
    return insert(EuiccKind.CONSUMER)
