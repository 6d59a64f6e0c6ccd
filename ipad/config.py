"""The configuration of the agent: typed, with a default for everything, read from one strict TOML file.

`docs/ipad.toml.md` explains every key to operators; the limits stand here. Times are seconds.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from ipad.errors import UsageError
from ipad.toml import Check, Document, Keys, Within, build, dotted, read

DEFAULT_PATH: Final = Path("/etc/ipad/ipad.toml")
ISD_R: Final = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
"""AID of the ISD-R (SGP.22 annex H; SGP.02 annex H)."""

PCSC_PREFIX: Final = "pcsc:"
DEFAULT_NAME: Final = "modem"
"""Name of the modem of a plain table `[modem]`."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")

Host = Annotated[str, Check(lambda text: split_host_port(text) is not None, "a host name, and maybe a port")]
HeaderText = Annotated[
    str, Check(lambda text: text.isascii() and text.isprintable() and 0 < len(text) <= 100, "1 to 100 ASCII characters")
]
Aid = Annotated[bytes, Check(lambda aid: 5 <= len(aid) <= 16, "an AID of 5 to 16 bytes")]
Delay = Annotated[float, Within(0, 3600, "s")]
PollInterval = Annotated[float, Within(60, 30 * 86400, "s")]


@dataclass(frozen=True, slots=True)
class StateConfig:
    """Where the journal lives."""

    directory: Path = Path("/var/lib/ipad")


@dataclass(frozen=True, slots=True)
class ModemTimeouts:
    """How long the modem may take for one command; None leaves it to the board, then to the agent."""

    default: Annotated[float, Within(0.1, 60, "s")] | None = None
    ccho: Annotated[float, Within(1, 120, "s")] | None = None
    apdu: Annotated[float, Within(1, 300, "s")] | None = None
    cfun: Annotated[float, Within(1, 300, "s")] | None = None


@dataclass(frozen=True, slots=True)
class ModemConfig:
    """One way to one eUICC: a modem on a serial port, or a card in a PC/SC reader.

    What is None is left to the board definition, then to the agent.
    """

    port: str = ""
    card: Annotated[
        str, Check(lambda text: not text or text.startswith(PCSC_PREFIX), '"pcsc:" and the name of a reader')
    ] = ""
    board: str = ""
    baud: Annotated[int, Within(1200, 4_000_000, "bit/s")] | None = None
    flow: Literal["none", "rtscts", "xonxoff"] | None = None
    uucp_lock: bool = False
    apdu: (
        Annotated[
            tuple[Literal["ccho", "csim"], ...],
            Check(lambda methods: 0 < len(methods) == len(set(methods)), "at least one method, none twice"),
        ]
        | None
    ) = None
    max_data: Annotated[int, Within(1, 255, "bytes")] | None = None
    isdr_aids: Annotated[tuple[Aid, ...], Check(bool, "at least one AID")] = (ISD_R,)
    terminal_capability: (
        Annotated[
            bytes,
            Check(lambda apdu: apdu[:2] == b"\x80\xaa" and len(apdu) < 261, "an APDU that starts with 80AA"),
        ]
        | None
    ) = None
    timeouts: ModemTimeouts = field(default_factory=ModemTimeouts)

    @property
    def reader(self) -> str | None:
        """Name of the PC/SC reader ("" for the only one), or None when there is a modem."""
        return self.card.removeprefix(PCSC_PREFIX) if self.card else None


@dataclass(frozen=True, slots=True)
class EsipaConfig:
    """How eIMs are polled; a table `[eim."<eimId>"]` overrides some of it for one eIM."""

    x_admin_protocol: HeaderText = "gsma/rsp/v2.1.0"
    exchange_timeout: Annotated[float, Within(1, 900, "s")] = 90.0
    poll_interval: PollInterval = 12 * 3600.0
    packages_per_run: Annotated[int, Within(1, 256)] = 16
    retry_delays: Annotated[tuple[Delay, ...], Check(lambda delays: len(delays) <= 10, "at most 10 delays")] = (
        10.0,
        30.0,
        90.0,
    )
    tag_list: Literal["strict", "lenient"] = "lenient"


@dataclass(frozen=True, slots=True)
class NetConfig:
    """The network towards the eIMs."""

    interface: Annotated[str, Check(lambda name: len(name) <= 15 and "/" not in name, "an interface name")] = ""
    ca_file: Path | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RspConfig:
    """How SM-DP+ and SM-DS are trusted and reached, and what is decided about profile downloads."""

    ci_files: tuple[Path, ...] = ()
    ci_directory: Path | None = None
    public_pki: bool = False
    exchange_timeout: Annotated[float, Within(1, 900, "s")] = 90.0
    retry_delays: Annotated[tuple[Delay, ...], Check(lambda delays: len(delays) <= 10, "at most 10 delays")] = (
        3.0,
        10.0,
    )
    download_retry_delays: Annotated[tuple[Delay, ...], Check(lambda delays: len(delays) <= 5, "at most 5 delays")] = (
        30.0,
    )
    prefer_direct: bool = False
    clock: Literal["when-set", "always", "never"] = "when-set"
    consent: bool = False
    eim_builds_context: bool = False
    eim_checks_metadata: bool = False
    user_agent: HeaderText = "gsma-rsp-lpad"
    x_admin_protocol: HeaderText = "gsma/rsp/v2.2.0"

    @property
    def trusts_servers(self) -> bool:
        """Whether any RSP server can be trusted, so that the agent can go to them itself."""
        return bool(self.ci_files) or self.ci_directory is not None or self.public_pki


@dataclass(frozen=True, slots=True)
class EimConfig:
    """What is different for one eIM."""

    enabled: bool = True
    fqdn: Host | None = None
    binding: Literal["auto", "asn1", "json", "coaps"] = "auto"
    version: Literal["auto", "1.0", "1.2"] = "auto"
    minimize: bool = False
    x_admin_protocol: HeaderText | None = None
    poll_interval: PollInterval | None = None


@dataclass(frozen=True, slots=True)
class TimerConfig:
    """How long the agent waits for the network after a profile change, and for a modem that went away."""

    session: Annotated[float, Within(1, 3600, "s")] = 300.0
    session_check: Annotated[float, Within(0.1, 60, "s")] = 3.0
    first_session: Annotated[float, Within(0, 3600, "s")] = 60.0
    reconnect: Annotated[float, Within(0.1, 600, "s")] = 5.0


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What is logged to standard error."""

    level: Literal["error", "warning", "info", "debug", "trace"] = "info"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that an operator can set. `modems` is never empty; the one of a plain `[modem]` is called "modem"."""

    state: StateConfig = field(default_factory=StateConfig)
    modems: Mapping[str, ModemConfig] = field(default_factory=lambda: {DEFAULT_NAME: ModemConfig()})
    esipa: EsipaConfig = field(default_factory=EsipaConfig)
    net: NetConfig = field(default_factory=NetConfig)
    rsp: RspConfig = field(default_factory=RspConfig)
    eim: Mapping[str, EimConfig] = field(default_factory=dict)
    timers: TimerConfig = field(default_factory=TimerConfig)
    log: LogConfig = field(default_factory=LogConfig)

    def modem(self, name: str | None = None) -> ModemConfig:
        """The modem of that name; without a name the only one. Raises UsageError."""
        if name is None:
            if len(self.modems) > 1:
                raise UsageError(f"several modems are configured: {', '.join(self.modems)}", hint="choose with --modem")
            return next(iter(self.modems.values()))
        if name not in self.modems:
            raise UsageError(f"no modem {name!r} is configured", hint=f"configured: {', '.join(self.modems)}")
        return self.modems[name]

    def with_modem(self, name: str, modem: ModemConfig) -> Self:
        """The same configuration with one modem in place of all."""
        return replace(self, modems={name: modem})

    @property
    def journal_file(self) -> Path:
        """Where the state of the only modem's eUICC is kept. Raises UsageError when there are several."""
        self.modem()
        name = next(iter(self.modems))
        return self.state.directory / ("journal.cbor" if name == DEFAULT_NAME else f"journal-{name}.cbor")


@dataclass(frozen=True, slots=True)
class _File:
    """The tables of the file, before the modems are told apart."""

    state: StateConfig = field(default_factory=StateConfig)
    modem: Mapping[str, Any] = field(default_factory=dict)
    esipa: EsipaConfig = field(default_factory=EsipaConfig)
    net: NetConfig = field(default_factory=NetConfig)
    rsp: RspConfig = field(default_factory=RspConfig)
    eim: Mapping[str, EimConfig] = field(default_factory=dict)
    timers: TimerConfig = field(default_factory=TimerConfig)
    log: LogConfig = field(default_factory=LogConfig)


def load(path: Path | None) -> tuple[Config, Document]:
    """Read the file; without a path the default one, which may be missing.

    Raises ConfigError (missing file that was asked for, TOML, unknown key, type, range, contradiction).
    """
    if path is None:
        if not DEFAULT_PATH.exists():
            return Config(), Document()
        path = DEFAULT_PATH
    document = read(path)
    return from_document(document), document


def from_document(document: Document) -> Config:
    """Turn a parsed file into the configuration. Raises ConfigError."""
    tables = build(_File, document, document.table)
    for key, address in tables.net.addresses.items():
        _check_override(document, key, address)
    return Config(
        state=tables.state,
        modems=_modems(document, tables.modem),
        esipa=tables.esipa,
        net=tables.net,
        rsp=tables.rsp,
        eim=tables.eim,
        timers=tables.timers,
        log=tables.log,
    )


def _modems(document: Document, table: Mapping[str, Any]) -> Mapping[str, ModemConfig]:
    own = {item.name for item in fields(ModemConfig)}
    named = [key for key, value in table.items() if isinstance(value, dict) and key not in own]
    if not named:
        return {DEFAULT_NAME: _modem(document, table, ("modem",))}
    plain = next((key for key in table if key not in named), None)
    if plain is not None:
        raise document.error(("modem", plain), f"cannot stand beside the table [{dotted(('modem', named[0]))}]")
    wrong = next((name for name in named if not _NAME.fullmatch(name)), None)
    if wrong is not None:
        raise document.error(("modem", wrong), "expected a name of at most 32 letters, digits, - and _")
    return {name: _modem(document, table[name], ("modem", name)) for name in named}


def _modem(document: Document, table: Mapping[str, Any], keys: Keys) -> ModemConfig:
    modem = build(ModemConfig, document, table, keys)
    if modem.port and modem.card:
        raise document.error((*keys, "card"), "cannot stand beside a port: an eUICC is reached in one way")
    return modem


def _check_override(document: Document, key: str, address: str) -> None:
    keys = ("net", "addresses", key)
    scheme, separator, rest = key.partition("://")
    if scheme not in ("https", "http", "coaps") or not separator or split_host_port(rest) is None:
        raise document.error(keys, 'expected a key like "https://host" or "https://host:port"')
    target = split_host_port(address)
    if target is None or not _is_address(target[0]) or target[1] is None:
        raise document.error(keys, f'{address!r}: expected "address:port"')


def split_host_port(text: str) -> tuple[str, int | None] | None:
    """Split `host`, `host:port`, `[v6]` or `[v6]:port`; None when it is neither."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]{1,253}))(?::([0-9]{1,5}))?", text)
    if not match or (match[3] is not None and not 0 < int(match[3]) < 65536):
        return None
    return match[1] or match[2], int(match[3]) if match[3] is not None else None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def flatten(value: object, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every setting with its keys, in the order of the declaration."""
    if is_dataclass(value):
        for item in fields(value):
            name = "modem" if isinstance(value, Config) and item.name == "modems" else item.name
            yield from flatten(getattr(value, item.name), (*keys, name))
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from flatten(entry, keys if keys == ("modem",) and key == "modem" else (*keys, key))
    else:
        yield keys, value
