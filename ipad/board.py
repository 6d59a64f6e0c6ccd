"""Board definitions: what is special about a modem and the device round it, as data in TOML files.

A definition inherits from another with `extends`, key by key; a file of the user replaces a shipped one of the same
name. The dataclasses are the schema: every key is optional except `name`, and a key that no field names is an error
with file and line. Durations are seconds, sizes bytes.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from ipad.errors import ConfigError
from ipad.toml import Check, Document, Keys, Within, build, read

GENERIC: Final = "generic-3gpp"
_MAX_DEPTH = 8


def _compiles(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


Seconds = Annotated[float, Within(0, 3600, "s")]
CommandText = Annotated[
    str, Check(lambda text: text[:2].upper() == "AT" and "\r" not in text, "a command that begins with AT")
]
Regex = Annotated[str, Check(_compiles, "a regular expression")]
Aid = Annotated[bytes, Check(lambda aid: 5 <= len(aid) <= 16, "an AID of 5 to 16 bytes")]
Name = Annotated[str, Check(lambda text: bool(re.fullmatch(r"[a-z0-9][a-z0-9-]*", text)), "a name of [a-z0-9-]")]
QuirkName = Literal["no-cchc", "cfun-in-one-line", "iccid-swapped"]
Rung = Literal["wait", "cfun4", "cfun0", "simdet", "cfun16", "reset", "power", "hook"]


@dataclass(frozen=True, slots=True)
class Match:
    """How the board is recognised: every list or expression that is given must match."""

    usb: tuple[str, ...] = ()
    pci: tuple[str, ...] = ()
    manufacturer: Regex = ""
    model: Regex = ""
    firmware: Regex = ""
    board: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PortPlace:
    """Where a port is: by USB interface number, path, or a pattern below /dev/serial/by-id."""

    usb_if: Annotated[int, Within(0, 63)] | None = None
    path: str = ""
    by_id: str = ""


@dataclass(frozen=True, slots=True)
class DataPort:
    """The control interface of the data connection."""

    kind: Literal["qmi", "mbim", "ecm", "ncm", "rndis", "ppp", "none"] = "none"
    usb_if: Annotated[int, Within(0, 63)] | None = None


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the modem. `boot_wait` is how long they may need to appear."""

    driver: Literal["tty", "wwan", "pty", "tcp", "dbus-mm"] = "tty"
    at: PortPlace | None = None
    at_fallback: PortPlace | None = None
    data: DataPort | None = None
    ppp: PortPlace | None = None
    new_id: tuple[str, ...] = ()
    boot_wait: Seconds = 20.0


@dataclass(frozen=True, slots=True)
class SerialLine:
    """How the line is driven and claimed."""

    baud: Annotated[int, Within(1200, 4_000_000, "bit/s")] = 115200
    flow: Literal["none", "rtscts", "xonxoff"] = "none"
    eol: Literal["\r", "\r\n"] = "\r"
    dtr_flash: bool = False
    lock: tuple[Literal["flock", "uucp"], ...] = ("flock",)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Longest time for commands of a kind."""

    default: Seconds = 5.0
    apdu: Seconds = 30.0
    ccho: Seconds = 15.0
    cfun: Seconds = 20.0
    cops: Seconds = 180.0
    cgact: Seconds = 150.0
    cgatt: Seconds = 140.0


@dataclass(frozen=True, slots=True)
class At:
    """The AT dialogue. Failures of `init` are logged, those of `init_fatal` end the start."""

    init: tuple[CommandText, ...] = ("ATE0", "ATV1", "AT+CMEE=1", "ATQ0")
    init_fatal: tuple[CommandText, ...] = ()
    probe_tries: Annotated[int, Within(1, 60)] = 6
    prefix_space: Literal["any", "one", "none"] = "any"
    urcs: tuple[str, ...] = ()
    ready_urc: str = ""
    max_line: Annotated[int, Within(40, 65536, "characters")] = 2048
    timeouts: Timeouts = field(default_factory=Timeouts)
    iccid: tuple[str, ...] = ("AT+CCID", "crsm")
    pin_retries: str = "AT+CPINR"


@dataclass(frozen=True, slots=True)
class OpenRetries:
    """How often, with which pause, a busy modem is asked to open a channel, and after how many tries it is reset."""

    count: Annotated[int, Within(0, 100)] = 10
    delay: Seconds = 0.25
    reset_after: Annotated[int, Within(0, 100)] = 0


@dataclass(frozen=True, slots=True)
class Apdu:
    """The way to the eUICC."""

    method: Annotated[
        tuple[Literal["ccho", "csim", "mm-dbus", "none"], ...], Check(bool, "at least one method, or none")
    ] = ("ccho", "csim")
    max_data: Annotated[int, Within(1, 255, "bytes")] = 120
    max_apdu_hex: Annotated[int, Within(20, 1024, "characters")] = 522
    self_test: bool = True
    isdr_aids: Annotated[tuple[Aid, ...], Check(bool, "at least one AID")] = (
        bytes.fromhex("A0000005591010FFFFFFFF8900000100"),
    )
    session_id: Literal["opaque", "channel"] = "opaque"
    cla_channel_bits: Literal["zero", "id"] = "zero"
    quote_apdu: bool = True
    hex_case: Literal["upper", "lower"] = "upper"
    append_le: bool = False
    get_response: Literal["host", "modem", "auto"] = "auto"
    get_response_cla: Annotated[int, Check(lambda cla: cla in (0x00, 0x80), "0x00 or 0x80")] = 0x00
    select_le: bool = False
    close_stale: tuple[Annotated[int, Within(1, 19)], ...] = (1, 2, 3)
    probe_test_command: bool = False
    terminal_capability: bytes = b""
    open_retries: OpenRetries = field(default_factory=OpenRetries)
    post_reset: tuple[CommandText, ...] = ()
    quiet: bool = True


@dataclass(frozen=True, slots=True)
class CarrierProfile:
    """Operator settings inside the modem that must follow the profile."""

    check: CommandText = "AT"
    fix: tuple[CommandText, ...] = ()
    needs_reset: bool = False


@dataclass(frozen=True, slots=True)
class Refresh:
    """How the modem is brought to read the card again after a profile change."""

    refresh_flag: bool = True
    settle: Seconds = 5.0
    verify: Literal["iccid", "iccid+imsi"] = "iccid"
    ladder: tuple[Rung, ...] = ("wait", "cfun4", "cfun0", "reset")
    commands: Mapping[str, tuple[CommandText, ...]] = field(default_factory=dict)
    port_drops: tuple[Rung, ...] = ("reset", "power")
    reenum_timeout: Seconds = 60.0
    carrier_profile: CarrierProfile | None = None
    after: tuple[CommandText, ...] = ("AT+COPS=0",)


@dataclass(frozen=True, slots=True)
class GpioPulse:
    """A reset line."""

    chip: str = ""
    line: str = ""
    active_low: bool = False
    pulse: Seconds = 0.3


@dataclass(frozen=True, slots=True)
class PowerSwitch:
    """A power line."""

    gpio: str = ""
    off: Seconds = 30.0
    active_low: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Ways to reset the modem, gentle first."""

    soft: tuple[CommandText, ...] = ("AT+CFUN=1,1",)
    gpio: GpioPulse | None = None
    power: PowerSwitch | None = None
    usb: Literal["authorized", "uhubctl", "none"] = "none"
    hook: str = ""
    min_interval: Seconds = 300.0


@dataclass(frozen=True, slots=True)
class Slots:
    """SIM slots. `{slot}` in `select` is replaced by the number."""

    count: Annotated[int, Within(1, 8)] = 1
    query: str = ""
    select: str = ""
    euicc: Annotated[int, Within(0, 8)] = 1
    reenumerates: bool = False
    gpio: str = ""


@dataclass(frozen=True, slots=True)
class RegistrationRules:
    """Which registration commands exist."""

    subscribe: tuple[CommandText, ...] = ("AT+CREG=2", "AT+CGREG=2", "AT+CEREG=3")
    domains: tuple[Literal["creg", "cgreg", "cereg", "c5greg"], ...] = ("cereg", "cgreg", "creg")
    cause: bool = True
    timeout: Seconds = 300.0
    poll: Seconds = 10.0


@dataclass(frozen=True, slots=True)
class SignalRules:
    """How signal strength is read."""

    command: CommandText = "AT+CESQ"
    parser: str = "cesq"
    fallback: tuple[CommandText, ...] = ("AT+CSQ",)
    poll: Seconds = 30.0


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who brings up the data connection, and on which context. `{cid}` in `dial` is replaced."""

    mode: Literal["external", "at", "ppp", "none"] = "external"
    cid: Annotated[int, Within(0, 24)] = 1
    apn_set: str = "cgdcont"
    auth: str = "cgauth"
    dial: tuple[CommandText, ...] = ()
    interface: str = ""


@dataclass(frozen=True, slots=True)
class PowerSaving:
    """What happens to power saving during eSIM operations."""

    psm: Literal["ignore", "disable-during-esim", "disable"] = "ignore"
    edrx: Literal["ignore", "disable-during-esim", "disable"] = "ignore"
    sim_sleep_off: tuple[CommandText, ...] = ()


@dataclass(frozen=True, slots=True)
class TimeSource:
    """Where network time is read. `cclk_is_utc`: the modem shows UTC together with a zone."""

    source: CommandText = "AT+CCLK?"
    fallback: str = ""
    cclk_is_utc: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """One definition with everything that it inherits."""

    name: Name
    schema: Annotated[int, Within(1, 1)] = 1
    title: str = ""
    extends: str = ""
    confidence: Literal["field", "manual", "low"] = "low"
    rats: tuple[Literal["gsm", "umts", "lte", "lte-m", "nb-iot", "nr5g"], ...] = ()
    releases: Mapping[str, Annotated[int, Within(4, 30)]] = field(default_factory=dict)
    quirks: tuple[QuirkName, ...] = ()
    match: Match = field(default_factory=Match)
    ports: Ports = field(default_factory=Ports)
    serial: SerialLine = field(default_factory=SerialLine)
    at: At = field(default_factory=At)
    apdu: Apdu = field(default_factory=Apdu)
    refresh: Refresh = field(default_factory=Refresh)
    reset: Reset = field(default_factory=Reset)
    slots: Slots = field(default_factory=Slots)
    registration: RegistrationRules = field(default_factory=RegistrationRules)
    signal: SignalRules = field(default_factory=SignalRules)
    bearer: Bearer = field(default_factory=Bearer)
    power_saving: PowerSaving = field(default_factory=PowerSaving)
    time: TimeSource = field(default_factory=TimeSource)


class BoardLibrary:
    """The definitions shipped with the agent and those of the user's directories, read when they are asked for."""

    def __init__(self, directories: Iterable[Path] = ()) -> None:
        self._directories = (*directories, shipped_directory())

    def names(self) -> tuple[str, ...]:
        """All names, in order."""
        found = {
            path.stem for directory in self._directories if directory.is_dir() for path in directory.glob("*.toml")
        }
        return tuple(sorted(found))

    def load(self, name: str) -> Board:
        """The definition of that name. Raises ConfigError: unknown name, or a fault in a file, with its place."""
        tables = self._chain(name)
        merged: dict[str, Any] = {}
        for document in reversed(tables):
            # Each file alone first, so that an error names the file that has it.
            build(Board, document, {"name": name, **_own(document)})
            merged = _merge(merged, _own(document))
        return build(Board, tables[0], merged)

    def _chain(self, name: str) -> list[Document]:
        documents: list[Document] = []
        seen: list[str] = []
        while name or not documents:
            if name in seen or len(seen) >= _MAX_DEPTH:
                raise ConfigError(f"board definitions extend each other in a circle: {' -> '.join([*seen, name])}")
            seen.append(name)
            document = self._read(name, documents[-1] if documents else None)
            documents.append(document)
            name = str(document.table.get("extends", ""))
        return documents

    def _read(self, name: str, user: Document | None) -> Document:
        for directory in self._directories:
            path = directory / f"{name}.toml"
            if re.fullmatch(r"[a-z0-9-]+", name) and path.is_file():
                document = read(path)
                if document.table.get("name") != name:
                    raise document.error(("name",), f"expected {name!r}, the name of the file")
                return document
        if user is not None:
            raise user.error(("extends",), f"there is no board definition {name!r}")
        raise ConfigError(
            f"there is no board definition {name!r}", hint=f"known definitions: {', '.join(self.names())}"
        )

    def select(self, *, usb: str = "", manufacturer: str = "", model: str = "", firmware: str = "") -> Board:
        """The definition that matches most specifically, else `generic-3gpp`. Raises ConfigError for a faulty file."""
        best, best_score = GENERIC, 0
        for name in self.names():
            found = score(self.load(name).match, usb=usb, manufacturer=manufacturer, model=model, firmware=firmware)
            if found > best_score:
                best, best_score = name, found
        return self.load(best)


def score(match: Match, *, usb: str, manufacturer: str, model: str, firmware: str) -> int:
    """Number of keys that match; 0 when one does not, or when none can be compared. An empty text is unknown."""
    points = 0
    if match.usb and usb:
        if not any(fnmatch.fnmatchcase(usb.lower(), pattern.lower()) for pattern in match.usb):
            return 0
        points += 1
    for pattern, text in ((match.manufacturer, manufacturer), (match.model, model), (match.firmware, firmware)):
        if pattern and text:
            if not re.search(pattern, text, re.IGNORECASE):
                return 0
            points += 1
    return points


def shipped_directory() -> Path:
    """Where the definitions of the package lie, installed or editable."""
    return Path(str(resources.files("ipad") / "boards"))


def _own(document: Document) -> dict[str, Any]:
    return dict(document.table)


def _merge(base: Mapping[str, Any], own: Mapping[str, Any], keys: Keys = ()) -> dict[str, Any]:
    """The table `own` over `base`: tables key by key, lists and values as a whole. `match` is not inherited."""
    merged = {key: value for key, value in base.items() if keys or key != "match"}
    for key, value in own.items():
        inherited = merged.get(key)
        if isinstance(value, Mapping) and isinstance(inherited, Mapping):
            merged[key] = _merge(inherited, value, (*keys, key))
        else:
            merged[key] = value
    return merged
