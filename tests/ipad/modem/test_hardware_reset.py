"""Reset by hardware: the lines of a definition by the privileged helper, hooks of root's by it as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ipad.bearer.backend import Apn, BearerReason, BearerRequest
from ipad.bearer.exec import HookBearer
from ipad.bearer.exec import environment as bearer_environment
from ipad.bearer.settings import BearerConfig
from ipad.board import BoardLibrary
from ipad.errors import BearerError, HelperError, PortError
from ipad.helper.client import PrivilegedHelper
from ipad.helper.protocol import RunHook, decode_request, encode_request
from ipad.modem.hook import BoardHook, environment
from tests.ipad.modem.peer import FastClock

LIBRARY = BoardLibrary()


class Helper:
    """Notes what it is asked, or fails."""

    def __init__(self, failure: HelperError | None = None) -> None:
        self.asked: list[tuple[str, str, float]] = []
        self.failure = failure

    async def reset(self, board: str) -> None:
        self._note("reset", board, 0.0)

    async def power_cycle(self, board: str, *, off: float) -> None:
        self._note("power-cycle", board, off)

    def _note(self, action: str, board: str, off: float) -> None:
        self.asked.append((action, board, off))
        if self.failure is not None:
            raise self.failure


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "off"),
    [("rpi-waveshare-5g", 30.0), ("rpi-waveshare-sim7600", 18.0), ("zyxel-nr7101", 0.0), ("mikrotik-chateau-5g", 30.0)],
)
async def test_a_board_with_lines_is_switched_by_the_helper(name: str, off: float) -> None:
    board, helper = LIBRARY.load(name), Helper()
    hook = BoardHook(board, FastClock(), helper=helper)
    assert hook.available
    await hook.power_cycle()
    assert helper.asked == [("power-cycle", name, off)]
    with pytest.raises(PortError, match="not again before 300 s"):
        await hook.power_cycle()


@pytest.mark.asyncio
async def test_the_reset_line_is_pulsed_by_the_helper() -> None:
    helper = Helper()
    await BoardHook(LIBRARY.load("zyxel-nr7101"), FastClock(), helper=helper).reset()
    assert helper.asked == [("reset", "zyxel-nr7101", 0.0)]


@pytest.mark.asyncio
async def test_a_helper_that_cannot_is_an_error_of_the_port() -> None:
    helper = Helper(HelperError("helper: no line", transient=False, hint="look"))
    with pytest.raises(PortError, match="helper: no line") as caught:
        await BoardHook(LIBRARY.load("zyxel-nr7101"), FastClock(), helper=helper).power_cycle()
    assert (caught.value.transient, caught.value.hint) == (False, "look")


@pytest.mark.parametrize("name", LIBRARY.names())
def test_every_shipped_board_with_lines_has_a_rung_that_uses_them_and_no_other_has(name: str) -> None:
    board = LIBRARY.load(name)
    assert ("power" in board.refresh.ladder) is board.reset.switched


def test_a_ladder_that_says_how_the_hardware_is_reset_stays_as_it_is(tmp_path: Path) -> None:
    lines = '[reset]\ngpio = { line = "reset" }\n'
    for more, ladder in (
        ('[refresh]\nladder = ["wait", "hook"]', ("wait", "hook")),
        ('[refresh]\nladder = ["power", "cfun0"]', ("power", "cfun0")),
        ("", ("wait", "cfun4", "cfun0", "reset", "power")),
    ):
        file = tmp_path / "mine.toml"
        file.write_text(f'name = "mine"\nextends = "generic-3gpp"\n{lines}{more}\n')
        assert BoardLibrary((tmp_path,)).check(file).refresh.ladder == ladder


def test_a_hook_is_told_of_a_power_key() -> None:
    told = environment(LIBRARY.load("rpi-waveshare-sim7600"))
    assert {key: value for key, value in told.items() if "KEY" in key} == {
        "IPAD_KEY_CHIP": "gpiochip0",
        "IPAD_KEY_LINE": "6",
        "IPAD_KEY_ACTIVE_LOW": "0",
        "IPAD_KEY_OFF": "2.5",
        "IPAD_KEY_PAUSE": "15",
        "IPAD_KEY_ON": "0.5",
    }


class Hooked:
    """What reaches the helper, in place of its client."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: int | HelperError) -> None:
        self.calls: list[tuple[str, Sequence[str], Mapping[str, str], str, float]] = []
        self.answer = answer
        monkeypatch.setattr("ipad.helper.client.os.geteuid", lambda: 1000)

        async def run_hook(
            _self: object,
            program: str,
            arguments: Sequence[str],
            variables: Mapping[str, str],
            *,
            text: str = "",
            limit: float = 60.0,
        ) -> int:
            self.calls.append((program, arguments, variables, text, limit))
            if isinstance(self.answer, HelperError):
                raise self.answer
            return self.answer

        monkeypatch.setattr(PrivilegedHelper, "run_hook", run_hook)


def hook_board(tmp_path: Path, hook: str) -> BoardHook:
    file = tmp_path / "mine.toml"
    file.write_text(f'name = "mine"\nextends = "generic-3gpp"\n[reset]\nhook = "{hook}"\n')
    return BoardHook(BoardLibrary((tmp_path,)).check(file), FastClock())


@pytest.mark.asyncio
async def test_a_hook_of_roots_is_run_by_the_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooked = Hooked(monkeypatch, 0)
    await hook_board(tmp_path, "/etc/ipad/hooks.d/power").reset()
    ((program, arguments, variables, text, _),) = hooked.calls
    assert (program, tuple(arguments), text) == ("/etc/ipad/hooks.d/power", ("reset", "mine"), "")
    assert variables["IPAD_USB_RESET"] == "none"
    hooked.answer = 3
    with pytest.raises(PortError, match="exit code 3"):
        await hook_board(tmp_path, "/etc/ipad/hooks.d/power").reset()
    hooked.answer = HelperError("there is none")
    with pytest.raises(PortError, match="there is none"):
        await hook_board(tmp_path, "/etc/ipad/hooks.d/power").reset()


@pytest.mark.asyncio
async def test_a_hook_elsewhere_is_run_by_the_agent_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooked = Hooked(monkeypatch, 0)
    for program in ("/does/not/exist", "/etc/ipad/hooks.d/below/x"):
        with pytest.raises(PortError, match="cannot be run"):
            await hook_board(tmp_path, program).reset()
    assert not hooked.calls


@pytest.mark.asyncio
async def test_a_bearer_hook_of_roots_is_run_by_the_helper_with_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    hooked = Hooked(monkeypatch, 0)
    config = BearerConfig(backend="exec", hook="/etc/ipad/hooks.d/pppd", hook_timeout=45.0)
    bearer = HookBearer(config, None, FastClock(), "ppp0")
    await bearer.take_down(BearerReason.STOP)
    ((program, arguments, variables, text, limit),) = hooked.calls
    assert (program, tuple(arguments), text, limit) == ("/etc/ipad/hooks.d/pppd", ("down", "stop"), "", 45.0)
    assert (variables["IPAD_ACTION"], variables["IPAD_INTERFACE"]) == ("down", "ppp0")
    for answer, problem, transient in (
        (75, "not now", True),
        (1, "exit code 1", False),
        (HelperError("not there", transient=False), "not there", False),
    ):
        hooked.answer = answer
        with pytest.raises(BearerError, match=problem) as caught:
            await bearer.take_down(BearerReason.STOP)
        assert caught.value.transient is transient


def test_the_request_of_a_bearer_fits_what_the_helper_takes() -> None:
    apn = Apn("iot.example", user="user", password="password")
    request = BearerRequest(None, None, apn, BearerReason.PROFILE_CHANGED)
    told = bearer_environment(request, "ppp0")
    hook = RunHook("pppd", ("up", str(request.reason)), told, apn.password, 900.0)
    assert decode_request(encode_request(hook)) == hook
