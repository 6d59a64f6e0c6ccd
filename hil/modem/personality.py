"""Personalities: how one family of modems differs from another, read from the data files beside this module.

Every switch is something that modules in the field really do. The defaults are a modem that follows 3GPP TS 27.007.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from importlib import resources
from pathlib import Path

from hil.modem.loading import DataError, load

_FOLDER = "personalities"


class Handle(Enum):
    """What +CCHO gives back as session id."""

    CHANNEL = "channel"
    HEX16 = "hex16"


class TestForms(Enum):
    """How `=?` of the APDU commands is answered."""

    SYNTAX = "syntax"
    OK = "ok"
    ERROR = "error"

    __test__ = False  # a name that pytest must not collect


class OnRefresh(Enum):
    """What the modem does when the card asks for REFRESH."""

    EXECUTE = "execute"
    IGNORE = "ignore"
    REENUMERATE = "reenumerate"


@dataclass(frozen=True)
class Identity:
    """Who the modem says it is; `ati` are the lines of ATI. The IMEI has 15 digits."""

    manufacturer: str
    model: str
    revision: str
    imei: str
    ati: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\d{15}", self.imei):
            raise ValueError("imei must have 15 digits")


@dataclass(frozen=True)
class LineStyle:
    """The serial line.

    max_line: characters of a command line after `AT`; longer ones end in ERROR. unspaced: prefixes that are followed
    by their value without a blank (`+CGLA`). leading_crlf, blank_between: framing. cmee: +CMEE after power-up.
    rates: values of +IPR in bit/s, none: the command does not exist; rate_delay: seconds from the answer at the old
    rate to the new rate.
    """

    unspaced: tuple[str, ...] = ()
    leading_crlf: bool = True
    blank_between: bool = False
    max_line: int = 4096
    cmee: int = 0
    unknown_command: str = "ERROR"
    rates: tuple[int, ...] = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
    rate_delay: float = 0.05


@dataclass(frozen=True)
class ApduStyle:
    """APDU access.

    managed: +CCHO and +CGLA exist; cchc: +CCHC exists; cchc_line: it prints an empty `+CCHC` line before OK.
    csim: +CSIM exists; csim_filter: INS bytes (hexadecimal) that it refuses on any channel; csim_refusal: with what.
    bare_id: +CCHO answers the session id without prefix.
    quotes_required: an APDU or AID without quotation marks is refused. lower_case: hex digits a to f are taken.
    max_apdu: bytes of a command APDU. patch_cla: channel bits of CLA are replaced by those of the session.
    get_response: the modem fetches the answer itself when the card says 61xx.
    timer: seconds after which the modem gives an APDU up with ERROR (0: never).
    isdr_held: its own LPA keeps the ISD-R, so that +CCHO to it fails; lpa_command: `+QESIM="lpa_enable",0` and a reset
    free it.
    no_application, no_session: answers of +CCHO for an AID that cannot be selected, and for an id that is not open.
    """

    managed: bool = True
    cchc: bool = True
    cchc_line: bool = False
    csim: bool = True
    csim_filter: tuple[str, ...] = ()
    csim_refusal: str = "CME 0"
    bare_id: bool = False
    handle: Handle = Handle.CHANNEL
    test_forms: TestForms = TestForms.SYNTAX
    quotes_required: bool = False
    lower_case: bool = True
    max_apdu: int = 261
    max_sessions: int = 3
    patch_cla: bool = True
    get_response: bool = False
    timer: float = 0.0
    isdr_held: bool = False
    lpa_command: bool = False
    no_application: str = "CME 22"
    no_session: str = "CME 50"


@dataclass(frozen=True)
class SimStyle:
    """The card as the modem handles it.

    iccid_command, iccid_prefix: e.g. `+CICCID` and `+ICCID`; an empty prefix prints bare digits. iccid_form: `` or `?`.
    iccid_padded: a trailing F is kept; iccid_swapped: the digits come as they lie on the card.
    crsm: +CRSM exists; file_identifiers that it refuses are in crsm_refused (decimal).
    no_identity: answer of the SIM commands when the card has no usable application (no profile enabled).
    not_inserted: text of `+CPIN:` instead of an error when the card is out.
    terminal_profile and terminal_capability: data of the two commands (hexadecimal), empty: not sent.
    refresh_delay: seconds from 91xx to the execution of REFRESH; busy_time: seconds until the SIM is ready again.
    lost, ready, removed: lines sent when the card is being reset, ready, or gone. sim_detect: +QSIMSTAT exists.
    """

    iccid_command: str = "+CCID"
    iccid_form: str = ""
    iccid_prefix: str = "+CCID"
    iccid_padded: bool = False
    iccid_swapped: bool = False
    crsm: bool = True
    crsm_refused: tuple[int, ...] = ()
    no_identity: str = "CME 13"
    not_inserted: str = ""
    terminal_profile: str = "FFFFFFFF1F0000DFD70300000000000000"
    terminal_capability: str = "A903830107"
    refresh: OnRefresh = OnRefresh.EXECUTE
    refresh_delay: float = 0.05
    busy_time: float = 0.1
    lost: tuple[str, ...] = ()
    ready: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    sim_detect: bool = False


@dataclass(frozen=True)
class RegistrationStyle:
    """Registration and packet reports.

    creg, cgreg, cereg: highest <n> (-1: the command does not exist). quoted: quotation marks round area and cell codes.
    attach_cid: context of the default session. operator_quoted: quotation marks round the operator in +COPS.
    no_address: what +CGPADDR prints for a context without address. scan_time: seconds that +COPS=? takes.
    events: reports come on this port; false: they are switched on in vain.
    """

    creg: int = 2
    cgreg: int = 2
    cereg: int = 5
    quoted: bool = True
    attach_cid: int = 1
    operator_quoted: bool = True
    no_address: str = ""
    scan_time: float = 1.0
    events: bool = True


@dataclass(frozen=True)
class PowerStyle:
    """Power-up and resets, times in seconds.

    boot: lines after power-up. boot_time: from power to the first answer. reset_time: how long a reset takes.
    cfun: values of +CFUN that exist; reset_values: those that reset the modem; reset_commands: commands that do.
    off_commands: commands that switch it off until the next power-up. cfun_off_sim: +CFUN=0 powers the card down.
    cfun_time: how long +CFUN takes. reset_hangs_up: the port vanishes in a reset. cfun_drops_port: it vanishes after
    +CFUN=0 as well, and stays away until +CFUN=1.
    """

    boot: tuple[str, ...] = ()
    boot_time: float = 0.1
    reset_time: float = 0.5
    reset_hangs_up: bool = True
    cfun: tuple[int, ...] = (0, 1, 4)
    cfun_off_sim: bool = True
    cfun_time: float = 0.0
    cfun_drops_port: bool = False
    reset_values: tuple[int, ...] = ()
    reset_commands: tuple[str, ...] = ()
    off_commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class PowerSavingStyle:
    """Power saving mode, where the network grants it.

    inactivity: seconds without traffic until the connection is released. asleep, awake: lines sent before and after.
    forgets: settings of the line and reports are lost. hangs_up: the port vanishes meanwhile.
    """

    inactivity: float = 5.0
    asleep: tuple[str, ...] = ()
    awake: tuple[str, ...] = ()
    forgets: bool = False
    hangs_up: bool = False


@dataclass(frozen=True)
class SlotStyle:
    """Several SIM slots, one of which holds the card.

    command: reads (`?`) and chooses (`=`) the slot, e.g. `+QUIMSLOT`; empty: there is one slot.
    count, first: how many there are, and the number of the first. card: where the card is. start: the slot in use
    after the first power-up; a choice outlives a reset. reenumerate: the port vanishes at a change.
    """

    command: str = ""
    count: int = 2
    first: int = 1
    card: int = 1
    start: int = 1
    reenumerate: bool = False


@dataclass(frozen=True)
class Personality:
    """One family of modems. `fixed`: commands with a constant answer, e.g. `+CPINR` -> lines; OK follows them.

    `settings`: values that can be written and outlive a reset, by command, e.g. `+UMNOPROF` or `+QMBNCFG="AutoSel"`.
    `vendor`: names of the vendor commands that exist: `+QCSQ`, `+QNWINFO`, `+QINISTAT`, `+CPSI`, `#SIMDET`.
    """

    name: str
    identity: Identity
    line: LineStyle = field(default_factory=LineStyle)
    apdu: ApduStyle = field(default_factory=ApduStyle)
    sim: SimStyle = field(default_factory=SimStyle)
    registration: RegistrationStyle = field(default_factory=RegistrationStyle)
    power: PowerStyle = field(default_factory=PowerStyle)
    power_saving: PowerSavingStyle = field(default_factory=PowerSavingStyle)
    slots: SlotStyle = field(default_factory=SlotStyle)
    settings: Mapping[str, str] = field(default_factory=dict)
    vendor: tuple[str, ...] = ()
    fixed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def parse_personality(text: str, place: str) -> Personality:
    """Read a personality from TOML text.

    Raises:
        DataError: not TOML, unknown key, wrong type; the message starts with `place`.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{place}: {error}") from error
    return load(Personality, data, place)


def personality_names() -> list[str]:
    """Names of the personalities that come with the package."""
    folder = resources.files("hil.modem").joinpath(_FOLDER)
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_personality(name: str) -> Personality:
    """A personality that comes with the package, or the one in a file when `name` ends in `.toml`.

    Raises:
        DataError: there is none of this name, or its file is wrong.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise DataError(f"{name}: no such file")
        return parse_personality(path.read_text(encoding="utf-8"), name)
    if name not in personality_names():
        raise DataError(f"no personality {name!r}; there are {', '.join(personality_names())}")
    source = resources.files("hil.modem").joinpath(_FOLDER, f"{name}.toml")
    return parse_personality(source.read_text(encoding="utf-8"), f"{name}.toml")
