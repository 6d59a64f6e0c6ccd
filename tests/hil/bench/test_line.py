"""Sums over the bursts of a line, and what a rig's events say about a package."""

from __future__ import annotations

import pytest

from hil.bench import marked
from hil.bench.errors import BenchError
from hil.bench.line import run
from hil.bench.line.bursts import LIMIT, LineRecorder, Traffic, traffic
from hil.bench.line.measure import Loaded, Setting, loaded, segments
from hil.bench.line.run import GOAL, SETTINGS, met, text, to_json
from hil.cli.bench import run_bench
from hil.cli.parser import build_parser
from hil.clock import ManualClock
from hil.modem import VirtualModem, load_personality
from hil.modem.pacing import Burst
from hil.modem.serial_line import LineSpeed, SerialLine
from hil.network import Network
from hil.rig.timeline import Event, Interface
from tests.hil.modem.fake_card import FakeCard


def dialogue(*spans: tuple[bool, float, float]) -> list[tuple[bool, Burst]]:
    return [(mine, Burst(begin, end, 10)) for mine, begin, end in spans]


DIALOGUE = dialogue((True, 0, 4), (False, 5, 6), (True, 6.5, 8), (False, 8, 9))


def test_idle_time_is_the_agents_before_a_command_and_the_cards_before_an_answer() -> None:
    found = traffic(DIALOGUE)
    assert (found.seconds, found.gaps, found.card, found.characters) == (9, (0.5,), 1.0, 40)


def test_answer_in_several_pieces_is_the_cards_business() -> None:
    found = traffic(dialogue((True, 0, 1), (False, 1, 2), (False, 3, 4), (True, 4, 5), (False, 5, 6)))
    assert (found.gaps, found.card) == ((0,), 1.0)


def test_efficiency_is_a_part_of_the_limit_without_the_cards_own_time() -> None:
    found = Traffic(seconds=12.0, characters=0, gaps=(1.0, 1.0), card=2.0)
    assert found.efficiency(5 * LIMIT) == pytest.approx(0.5)


def test_longest_gaps_are_those_in_which_the_machine_did_something_else() -> None:
    found = Traffic(seconds=10.0, characters=0, gaps=(*[0.001] * 19, 1.0), card=0.0)
    assert found.usual_gap == pytest.approx(0.001)
    assert found.agent == pytest.approx(1.019)
    assert found.usual_efficiency(LIMIT) == pytest.approx(1 / (10 - 1.019 + 0.02))


def test_recorder_finds_the_commands_of_a_stretch() -> None:
    clock = ManualClock()
    modem = VirtualModem(FakeCard(), Network(), load_personality("quectel-bg95"), clock)
    line = SerialLine(modem, clock, lambda _data: None, LineSpeed(9600))
    modem.on_output(line.from_modem)
    modem.power_on()
    clock.advance(30)
    recorder = LineRecorder(line)
    with pytest.raises(ValueError, match="silent"):
        recorder.between(30, 31)
    moments = []
    for _ in range(3):
        line.from_host(b"AT+CGMM\r")
        clock.advance(0.5)
        moments.append(clock.monotonic())
    found = recorder.between(moments[0] + 0.02, moments[1] + 0.001)
    assert len(found.gaps) == 1
    assert found.gaps[0] == pytest.approx(0.5 - 8 * 10 / 9600 - (found.characters - 16) / 2 * 10 / 9600, abs=0.01)


def test_chains_end_with_their_last_block() -> None:
    assert segments(["81E2110003AABBCC", "81E2910101DD", "81E2910002EEFF"]) == [4, 2]


def apdu(number: int, direction: str, data: str) -> Event:
    return Event(number, number / 10, Interface.APDU, direction, "", len(data) // 2, data)


def at(number: int, command: str) -> Event:
    return Event(number, number / 10, Interface.AT, ">", command)


class Recorded(LineRecorder):
    """Gives the same stretch whatever is asked."""

    def __init__(self) -> None:
        self.asked: tuple[float, float] | None = None

    def between(self, first: float, last: float) -> Traffic:
        self.asked = (first, last)
        return Traffic(12.0, 100, (0.1,), 1.0)


EVENTS = [
    at(1, "AT+IPR=921600"),
    at(3, "AT+IPR?"),
    at(5, "AT+CGLA=1,.."),
    apdu(6, ">", "81E2910004BF36AABB"),
    apdu(7, "<", "9000"),
    at(8, "AT+CGLA=1,.."),
    apdu(9, ">", "81E2910002CCDD"),
    apdu(10, "<", "6104"),
    at(11, "AT+CSQ"),
    at(12, "AT+CGLA=1,.."),
    apdu(13, ">", "81C0000004"),
    apdu(14, "<", "BF3701009000"),
    at(15, "AT+IPR=115200"),
    at(16, "AT"),
    at(18, "AT+CCHC=1"),
]


def test_package_is_what_lies_between_its_first_block_and_its_result() -> None:
    recorder = Recorded()
    found = loaded(Setting(255, 921600), EVENTS, recorder, 100.0)
    assert (found.size, found.apdus, found.least, found.other) == (6, 3, 3, 1)
    assert recorder.asked == (100.6, 101.4)
    assert found.switching == pytest.approx(0.4 + 0.3)
    assert found.seconds == pytest.approx(11.7)


def test_rig_without_a_package_is_an_error() -> None:
    with pytest.raises(BenchError, match="no Bound Profile Package"):
        loaded(Setting(255), EVENTS[:3], Recorded(), 0.0)


def package(seconds: float, *, other: int = 0, setting: Setting = SETTINGS[0]) -> Loaded:
    return Loaded(setting, 10 * LIMIT, 245, 245, other, Traffic(seconds, 0, (0.001,) * 10, 0.0), 0.0)


def test_goal_is_that_of_blocks_of_255_at_the_modems_own_rate() -> None:
    assert met(package(10 / GOAL - 0.01))
    assert not met(package(10 / GOAL + 0.01))
    assert met(package(10 / GOAL + 1, setting=Setting(120)))
    assert not met(package(10.0, other=1))


def test_table_has_a_row_for_each_line() -> None:
    lines = text([package(11.0), package(2.0, setting=Setting(255, 921600))]).splitlines()
    assert len(lines) == 4
    assert "| 115,200 bit/s, blocks of 255 | 245 | 245 | 11.00 | 0.909 |" in lines[2]
    assert "(5.5 times as fast)" in lines[3]
    assert to_json(package(11.0))["efficiency"] == pytest.approx(0.9091)


def test_command_measures_the_rows_and_writes_the_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    seen: list[Setting] = []

    async def measure(setting: Setting, *_: object) -> Loaded:
        seen.append(setting)
        return package(20.0, setting=setting)

    monkeypatch.setattr(run, "measure", measure)
    assert run_bench(build_parser().parse_args(["bench", "line", "--quick"])) == 1
    assert seen == [Setting(255)] * 3, "a row with a goal has several chances"
    assert "20.00" in capsys.readouterr().out


def test_marked_part_is_replaced_and_the_rest_stays() -> None:
    before = "a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n"
    assert marked.replaced(before, "x", "new") == "a\n<!-- begin: x -->\n\nnew\n\n<!-- end: x -->\nb\n"
    with pytest.raises(BenchError, match="expected a part between"):
        marked.replaced(before, "y", "new")


def test_table_whose_rows_differ_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rows of \[1, 2\] cells"):
        marked.table([("a", "b"), ("c",)])


def test_document_that_cannot_be_read_is_an_error(tmp_path: object) -> None:
    with pytest.raises(BenchError, match="No such file"):
        marked.write(marked.DOCUMENT.with_name("absent.md"), "x", "new")
