"""The part of a board definition that describes behaviour: the AT dialogue, the way to the eUICC, recovery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from ipad.board.values import Aid, CommandText, OptionalCommand, Regex, Rung, Seconds, TerminalCapability
from ipad.records import dataclass, field
from ipad.toml import Check, Within


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Longest time for commands of a kind."""

    default: Seconds = 5.0
    """Commands without a limit of their own."""
    apdu: Seconds = 30.0
    """AT+CGLA, AT+CSIM: the card may need seconds."""
    ccho: Seconds = 15.0
    """AT+CCHO."""
    cfun: Seconds = 20.0
    """AT+CFUN."""
    cops: Seconds = 180.0
    """AT+COPS, which may search for networks."""
    cgact: Seconds = 150.0
    """AT+CGACT."""
    cgatt: Seconds = 140.0
    """AT+CGATT."""


@dataclass(frozen=True, slots=True)
class At:
    """The AT dialogue."""

    init: tuple[CommandText, ...] = ("ATE0", "ATV1", "AT+CMEE=1", "ATQ0")
    """Sent at each start of the dialogue; failures are logged."""
    init_fatal: tuple[CommandText, ...] = ()
    """Sent after them; a failure ends the start."""
    probe_tries: Annotated[int, Within(1, 60)] = 6
    """How often AT is tried before the modem counts as silent, one second each."""
    urcs: tuple[str, ...] = ()
    """Lines that come unasked, beside those of 3GPP: prefixes, and whole lines."""
    subscribe: tuple[CommandText, ...] = ()
    """Switch further events on: of the card, of the signal, of power saving. A refusal does no harm."""
    max_line: Annotated[int, Within(40, 65536, "characters")] = 2048
    """Longest command line; it limits the block size as well."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """Longest time for commands of a kind."""
    iccid: tuple[Annotated[str, Check(bool, "a command, or crsm")], ...] = ("AT+CCID", "crsm")
    """Commands that print the ICCID, tried in order; `crsm` reads EF-ICCID by AT+CRSM."""


@dataclass(frozen=True, slots=True)
class OpenRetries:
    """What to do while the modem says that it is busy."""

    count: Annotated[int, Within(0, 100)] = 10
    """Further tries to open a channel."""
    delay: Seconds = 0.25
    """Pause between them."""
    reset_after: Annotated[int, Within(0, 100)] = 0
    """After so many, the SIM is powered off and on; 0: never."""


@dataclass(frozen=True, slots=True)
class Apdu:
    """The way to the eUICC."""

    method: Annotated[tuple[Literal["ccho", "csim", "none"], ...], Check(bool, "at least one method, or none")] = (
        "ccho",
        "csim",
    )
    """`ccho`: the modem opens the channel; `csim`: the agent does; several are tried in order. `none`: no AT way."""
    max_data: Annotated[int, Within(1, 255, "bytes")] = 120
    """Data bytes in a STORE DATA block to begin with; when the modem refuses long lines the agent takes less."""
    max_apdu_hex: Annotated[int, Within(20, 1024, "characters")] = 522
    """Longest APDU in hexadecimal characters."""
    isdr_aids: Annotated[tuple[Aid, ...], Check(bool, "at least one AID")] = (
        bytes.fromhex("A0000005591010FFFFFFFF8900000100"),
    )
    """AIDs of the ISD-R, tried in order."""
    cla_channel_bits: Literal["zero", "id"] = "zero"
    """`id`: the session id is a channel number, and the modem wants it in CLA."""
    quote_apdu: bool = True
    """Quotation marks round the APDU."""
    hex_case: Literal["upper", "lower"] = "upper"
    """Case of hexadecimal digits."""
    append_le: bool = False
    """The last STORE DATA block is sent with Le."""
    get_response_cla: Annotated[int, Check(lambda cla: cla in (0x00, 0x80), "0x00 or 0x80")] = 0x00
    """Class of GET RESPONSE."""
    select_le: bool = False
    """`csim`: SELECT is sent with Le."""
    close_stale: tuple[Annotated[int, Within(1, 19)], ...] = (1, 2, 3)
    """Sessions that a killed run may have left, closed before the first open."""
    terminal_capability: TerminalCapability = b""
    """APDU sent to channel 0 by AT+CSIM before the channel is opened, such as `"80AA000005A903830107"`."""
    open_retries: OpenRetries = field(default_factory=OpenRetries)
    """What to do while the modem says that it is busy."""
    release: tuple[CommandText, ...] = ()
    """Commands that make an LPA inside the modem let go of the ISD-R; then the modem is restarted, once a run."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """How the modem is brought to read the card again after a profile change."""

    refresh_flag: bool = True
    """Whether the eUICC is asked to send REFRESH where the caller leaves it open."""
    settle: Seconds = 5.0
    """How long each rung may take to show effect."""
    ladder: tuple[Rung, ...] = ("wait", "cfun4", "cfun0", "reset")
    """What is done until the modem shows the new ICCID, gentle first; see below."""
    commands: Mapping[str, tuple[CommandText, ...]] = field(default_factory=dict)
    """Commands of a rung, by its name, in place of the usual ones."""
    port_drops: tuple[Rung, ...] = ("reset", "power")
    """Rungs at which the port disappears and comes back."""
    reenum_timeout: Seconds = 60.0
    """How long the port may stay away."""
    after: tuple[CommandText, ...] = ("AT+COPS=0",)
    """Commands at the end: a network that was chosen by hand for the old profile must not stay chosen."""


@dataclass(frozen=True, slots=True)
class Repair:
    """A setting inside the modem that must follow the profile, such as the operator's configuration (MBN).

    After a profile change `check` is sent. When no line of the answer matches `expect`, the `commands` are sent, and
    the modem is restarted where it `needs_reset`. A check that the modem refuses repairs nothing.
    """

    name: str
    """What logs call it."""
    check: CommandText
    """Reads the setting."""
    expect: Regex
    """Expression that the right answer contains."""
    commands: Annotated[tuple[CommandText, ...], Check(bool, "at least one command")]
    """Set it right."""
    needs_reset: bool = False
    """Whether it takes effect with a restart only."""


@dataclass(frozen=True, slots=True)
class RegistrationRules:
    """Which registration commands exist, and how long a registration takes."""

    subscribe: tuple[CommandText, ...] = ("AT+CREG=2", "AT+CGREG=2", "AT+CEREG=3")
    """Switch events on; after a refused value the lower ones are tried."""
    domains: tuple[Literal["creg", "cgreg", "cereg", "c5greg"], ...] = ("cereg", "cgreg", "creg")
    """Read commands."""
    patience: Seconds = 0.0
    """The least time that a new data session gets after a profile change, whatever the configuration says."""


@dataclass(frozen=True, slots=True)
class BearerRules:
    """How the modem brings packet data up, for the bearer back end `at`. `{cid}` stands for the context."""

    cid: Annotated[int, Within(0, 24)] = 1
    """The context that the modem attaches with."""
    auth: Annotated[
        tuple[Literal["cgauth", "qicsgp", "qcpdpp", "pdpauth", "uauthreq"], ...], Check(bool, "at least one command")
    ] = ("cgauth",)
    """Commands for user name and password, tried in order: AT+CGAUTH, +QICSGP, $QCPDPP, #PDPAUTH, +UAUTHREQ."""
    start: tuple[CommandText, ...] = ()
    """Connect the network interface of the host, tried in order until one is accepted; else AT+CGACT is sent."""
    stop: tuple[CommandText, ...] = ()
    """Disconnect it; all are sent, and refusals are no failure."""
    reattach: Annotated[
        tuple[CommandText, ...], Check(lambda commands: len(commands) != 1, "commands to leave, and one to come back")
    ] = ("AT+CFUN=4", "AT+CFUN=1")
    """Attach anew, so that a changed context takes effect. The last one is sent whatever becomes of the others."""


@dataclass(frozen=True, slots=True)
class SignalRules:
    """How signal strength is read; the answer is recognised by its prefix."""

    command: CommandText = "AT+CESQ"
    """Tried first."""
    fallback: tuple[CommandText, ...] = ("AT+CSQ",)
    """Tried when it gives no measurement."""


@dataclass(frozen=True, slots=True)
class PowerSaving:
    """Power saving mode: what happens to it while the eUICC is used, and how the modem tells that it sleeps."""

    psm: Literal["ignore", "off-during-esim"] = "ignore"
    """`off-during-esim`: PSM (AT+CPSMS) is off while a channel is open, and then set as it was."""
    asleep: tuple[str, ...] = ()
    """Lines that say that the modem falls asleep, beside `PSM POWER DOWN`."""


@dataclass(frozen=True, slots=True)
class TimeSource:
    """Where network time is read."""

    source: CommandText = "AT+CCLK?"
    """Tried first."""
    fallback: OptionalCommand = ""
    """Tried when it gives nothing plausible."""
    cclk_is_utc: bool = False
    """AT+CCLK? shows UTC together with the zone, not local time."""
