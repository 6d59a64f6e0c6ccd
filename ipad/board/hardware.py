"""The part of a board definition that describes hardware: identity, ports, lines for reset, power and SIM slots."""

from __future__ import annotations

from typing import Annotated, Literal

from ipad.board.values import (
    AbsolutePath,
    CommandText,
    DeviceId,
    DevicePath,
    Interface,
    NewId,
    OptionalCommand,
    Regex,
    Seconds,
)
from ipad.records import dataclass
from ipad.toml import Check, Within


@dataclass(frozen=True, slots=True)
class Match:
    """How the board is recognised: every list or expression that is given must match. Never inherited."""

    usb: tuple[DeviceId, ...] = ()
    """USB ids `vendor:product`, `*` and `?` allowed."""
    pci: tuple[DeviceId, ...] = ()
    """PCI ids `vendor:device`."""
    manufacturer: Regex = ""
    """Expression searched in the answer to AT+CGMI, upper and lower case alike."""
    model: Regex = ""
    """The same for AT+CGMM."""
    firmware: Regex = ""
    """The same for AT+CGMR."""
    board: tuple[str, ...] = ()
    """Names of the host, `*` and `?` allowed: device-tree compatible, model id of /etc/board.json, DMI product name."""


@dataclass(frozen=True, slots=True)
class PortPlace:
    """Where a port is: by USB interface number, path, or a pattern below /dev/serial/by-id."""

    usb_if: Interface | None = None
    """bInterfaceNumber: the only name of a USB port that always stays."""
    path: DevicePath = ""
    """A fixed device, such as a UART."""
    by_id: Annotated[str, Check(lambda text: "/" not in text, "a file name")] = ""
    """Pattern of a link in /dev/serial/by-id."""


@dataclass(frozen=True, slots=True)
class DataPort:
    """The interface of the data connection."""

    kind: Literal["qmi", "mbim", "ecm", "ncm", "rndis", "ppp", "none"] = "none"
    """Protocol in the composition that the modem has when it leaves the factory."""
    usb_if: Interface | None = None
    """Its bInterfaceNumber, where it is sure."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of the modem."""

    driver: Literal["tty", "wwan"] = "tty"
    """`wwan`: the AT ports are /dev/wwanNatM of the kernel's WWAN subsystem (PCIe)."""
    at: PortPlace | None = None
    """The AT port to use."""
    at_fallback: PortPlace | None = None
    """The second AT port, taken when the first does not exist or is in use."""
    data: DataPort | None = None
    """Where the data connection is; shown by detection."""
    ppp: PortPlace | None = None
    """The port that can be dialled for PPP; shown by detection."""
    new_id: tuple[NewId, ...] = ()
    """USB ids that the kernel's driver `option` does not know and must be told; detection says so."""


@dataclass(frozen=True, slots=True)
class SerialLine:
    """How the line is driven and claimed."""

    baud: Annotated[int, Within(1200, 4_000_000, "bit/s")] = 115200
    """Line speed; without meaning on USB."""
    rates: tuple[Annotated[int, Within(1200, 4_000_000, "bit/s")], ...] = ()
    """Faster rates of a UART, the best first: for the length of a download AT+IPR switches to the first that works."""
    flow: Literal["none", "rtscts", "xonxoff"] = "none"
    """Flow control."""
    eol: Literal["\r", "\r\n"] = "\r"
    """What ends a command line."""
    dtr_flash: bool = False
    """Drop DTR for a second when nobody answers: it ends a PPP call that a killed program left behind."""
    lock: tuple[Literal["flock", "uucp"], ...] = ("flock",)
    """Locks on the port: advisory lock (always taken), and a file LCK..NAME for pppd and minicom."""


@dataclass(frozen=True, slots=True)
class Multiplexer:
    """The kernel's multiplexer n_gsm (3GPP TS 27.010) over the only UART: one channel for AT, one for data.

    The privileged helper attaches it to the UART of `ports.at`; the agent then uses /dev/gsmttyN of the channel `at`.
    """

    command: CommandText = "AT+CMUX=0"
    """Puts the modem into multiplexer mode."""
    init: tuple[CommandText, ...] = ()
    """Commands before it, such as the line speed."""
    baud: Annotated[int, Within(1200, 4_000_000, "bit/s")] = 115200
    """Line speed in multiplexer mode."""
    mode: Literal["basic", "advanced"] = "basic"
    """Framing option."""
    frame_size: Annotated[int, Within(1, 32768, "bytes")] = 127
    """N1: octets in a frame, the same at both ends."""
    at: Annotated[int, Within(1, 63)] = 1
    """Channel of the AT port."""
    data: Annotated[int, Within(1, 63)] = 2
    """Channel to dial on."""


@dataclass(frozen=True, slots=True)
class GpioPulse:
    """A reset line."""

    chip: str = ""
    """GPIO chip: device name or label; empty for a line of /sys/class/gpio, else of any chip."""
    line: str = ""
    """Name or number of the line."""
    active_low: bool = False
    """Whether 0 is the active level."""
    pulse: Seconds = 0.3
    """How long it is held active."""


@dataclass(frozen=True, slots=True)
class PowerSwitch:
    """A power line."""

    chip: str = ""
    """GPIO chip: device name or label; empty for a line of /sys/class/gpio, else of any chip."""
    line: str = ""
    """Name or number of the line."""
    active_low: bool = False
    """Whether 0 switches on."""
    off: Seconds = 30.0
    """How long the modem stays without power."""


@dataclass(frozen=True, slots=True)
class PowerKey:
    """A power key (PWRKEY, ON_OFF): a long press switches off, a short one on."""

    chip: str = ""
    """GPIO chip: device name or label; empty for a line of /sys/class/gpio, else of any chip."""
    line: str = ""
    """Name or number of the line."""
    active_low: bool = False
    """Whether 0 presses the key."""
    off: Seconds = 2.5
    """How long it is pressed to switch off."""
    pause: Seconds = 10.0
    """How long the modem then needs to go down."""
    on: Seconds = 0.5
    """How long it is pressed to switch on: too short to switch off a modem that is on."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Ways to reset the modem, gentle first."""

    soft: tuple[CommandText, ...] = ("AT+CFUN=1,1",)
    """Commands that restart the modem."""
    hook: AbsolutePath = ""
    """Executable that resets by hardware, called `HOOK ACTION BOARD`; see below."""
    gpio: GpioPulse | None = None
    """Reset line: switched by the privileged helper, or told to the hook where there is one."""
    power: PowerSwitch | None = None
    """Power line, in the same way."""
    key: PowerKey | None = None
    """Power key, in the same way."""
    usb: Literal["authorized", "port", "uhubctl", "none"] = "none"
    """The USB side: drivers let go of it, or the hub takes the power away; `uhubctl` is only told to a hook."""
    min_interval: Seconds = 300.0
    """The hardware is never reset more often."""

    @property
    def switched(self) -> bool:
        """Whether the helper can reset the hardware: by a line, a key, or its USB port."""
        usb = self.usb in ("authorized", "port")
        return usb or any(one is not None for one in (self.gpio, self.power, self.key))


@dataclass(frozen=True, slots=True)
class Slots:
    """SIM slots. `{slot}` in `select` is replaced by the number."""

    count: Annotated[int, Within(1, 8)] = 1
    """How many there are."""
    euicc: Annotated[int, Within(0, 8)] = 0
    """The slot of the eUICC, counted from 1; 0 leaves the slot as it is."""
    first: Annotated[int, Within(0, 1)] = 1
    """The number that the modem gives to the first slot."""
    query: OptionalCommand = ""
    """Reads the slot: the first number of the answer counts."""
    select: OptionalCommand = ""
    """Chooses the slot."""
    settle: Seconds = 5.0
    """How long the modem then needs to read the card."""
    reenumerates: bool = False
    """Whether the port then disappears and comes back."""
    gpio: str = ""
    """Line that switches the card outside the modem; `reset.hook` is called with the action `sim-slot`."""
