"""The virtual world of the download tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from hil.euicc.config import default_card
from hil.pki import Pki
from tests.ipad.procedures.download_bench import DownloadBench


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki.generate(tmp_path_factory.mktemp("pki"), eid=default_card().eid, hosts=("smdp.example.com", "127.0.0.1"))


@pytest.fixture
def world(pki: Pki, tmp_path: Path) -> DownloadBench:
    return DownloadBench(pki, tmp_path)
