"""One eUICC is served once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ipad.daemon.card_lock import serving_alone
from ipad.errors import BusyError
from ipad.ids import Eid

ONE, TWO = Eid(bytes.fromhex("89049032" + "1" * 24)), Eid(bytes.fromhex("89049032" + "2" * 24))


def test_second_one_is_refused_until_the_first_lets_go(tmp_path: Path) -> None:
    with serving_alone(ONE, tmp_path):
        with pytest.raises(BusyError, match="a second instance: eUICC 890490"), serving_alone(ONE, tmp_path):
            raise AssertionError("served twice")
        with serving_alone(TWO, tmp_path):
            pass
    with serving_alone(ONE, tmp_path):
        pass


def test_without_a_directory_that_takes_files_nothing_is_locked(tmp_path: Path) -> None:
    with serving_alone(ONE, tmp_path / "missing"), serving_alone(ONE, tmp_path / "missing"):
        assert not (tmp_path / "missing").exists()
