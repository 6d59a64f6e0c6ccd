"""The configuration of the agent: typed, with a default for everything, read from one strict TOML file.

`docs/ipad.toml.md` explains every key to operators; the limits stand here. Times are seconds.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from ipad.addresses import is_address, is_every_network, is_network, listen_address, split_host_port
from ipad.bearer.settings import BearerConfig, contradiction
from ipad.errors import UsageError
from ipad.records import dataclass, field, fields, is_dataclass, replace
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
Listen = Annotated[str, Check(lambda text: listen_address(text) is not None, "an IP address and a port")]
Network = Annotated[str, Check(is_network, "an IP network like 192.0.2.0/24")]
DnsServer = Annotated[
    str, Check(lambda text: is_address((split_host_port(text) or (text, None))[0]), "an IP address, and maybe a port")
]
ServerAndPort = Annotated[
    str, Check(lambda text: (split_host_port(text) or ("", None))[1] is not None, "a host name or address with a port")
]
FileOrNothing = Annotated[str, Check(lambda path: not path or path.startswith("/"), "an absolute path, or nothing")]
InterfaceName = Annotated[str, Check(lambda name: len(name) <= 15 and "/" not in name, "an interface name")]
Delay = Annotated[float, Within(0, 3600, "s")]
PollInterval = Annotated[float, Within(60, 30 * 86400, "s")]
FirstTimer = Annotated[float, Within(1, 60, "s")]


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

    What is None is left to the board definition, then to the agent. `interface` takes the place of `net.interface`.
    """

    port: str = ""
    card: Annotated[
        str, Check(lambda text: not text or text.startswith(PCSC_PREFIX), '"pcsc:" and the name of a reader')
    ] = ""
    board: str = ""
    baud: Annotated[int, Within(1200, 4_000_000, "bit/s")] | None = None
    rates: tuple[Annotated[int, Within(1200, 4_000_000, "bit/s")], ...] | None = None
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
    interface: InterfaceName = ""

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

    interface: InterfaceName = ""
    dns: Annotated[tuple[DnsServer, ...], Check(lambda servers: len(servers) <= 8, "at most 8 servers")] = ()
    ca_file: Path | None = None
    coaps_timer: FirstTimer | None = None
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
class InjectionPeer:
    """Who may inject eIM Packages for one eIM: known by its certificate, by its address, or by both."""

    eim: Annotated[str, Check(lambda text: 0 < len(text.encode()) <= 128, "an eimId of 1 to 128 bytes")]
    certificate: Path | None = None
    name: (
        Annotated[
            str,
            Check(lambda text: is_address(text) or (split_host_port(text) or ("", 0))[1] is None, "a host name"),
        ]
        | None
    ) = None
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class InjectionConfig:
    """The agent as a server of eIM Package injection (SGP.32 3.1.1.2); off while there is nothing to listen at."""

    https: tuple[Listen, ...] = ()
    coaps: tuple[Listen, ...] = ()
    bindings: Annotated[tuple[Literal["asn1", "json"], ...], Check(bool, "at least one binding")] = ("asn1", "json")
    certificate: Path | None = None
    key: Path | None = None
    interface: InterfaceName = ""
    timeout: Annotated[float, Within(1, 900, "s")] = 60.0
    retry_after: Annotated[int, Within(1, 3600, "s")] = 30
    peers: Annotated[int, Within(1, 64)] = 4
    peer: Mapping[str, InjectionPeer] = field(default_factory=dict)

    @property
    def enabled(self) -> bool:
        """Whether the agent listens at all."""
        return bool(self.https or self.coaps)


@dataclass(frozen=True, slots=True)
class TimerConfig:
    """How long the agent waits for the network after a profile change, and for a modem that went away."""

    session: Annotated[float, Within(1, 3600, "s")] = 300.0
    session_check: Annotated[float, Within(0.1, 60, "s")] = 3.0
    first_session: Annotated[float, Within(0, 3600, "s")] = 60.0
    reconnect: Annotated[float, Within(0.1, 600, "s")] = 5.0


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """Files of an operator that say when connectivity counts as lost, and what things cost now."""

    file: Path | None = None
    hints: Path | None = None


@dataclass(frozen=True, slots=True)
class ProbeConfig:
    """Looks along the data path. `others`: servers beyond the operator's network."""

    others: Annotated[tuple[ServerAndPort, ...], Check(lambda servers: len(servers) <= 4, "at most 4 servers")] = ()
    depth: Literal["dns", "tcp", "tls"] = "tls"
    timeout: Annotated[float, Within(1, 300, "s")] = 20.0


@dataclass(frozen=True, slots=True)
class ClockConfig:
    """Whether the privileged helper may set a clock that was never set to the time that the network tells (NITZ)."""

    set: bool = False


@dataclass(frozen=True, slots=True)
class LogConfig:
    """What is logged to standard error, and the log of events.

    `events`: None is a file in the runtime directory, empty text none at all. `events_size`: bytes of each of its two
    files, `audit_size` of those of the trail of changes. `mask`: "info" masks identifiers of cards unless debugging.
    """

    level: Literal["error", "warning", "info", "debug", "trace"] = "info"
    events: FileOrNothing | None = None
    events_size: Annotated[int, Within(4096, 64 * 1024 * 1024, "bytes")] = 256 * 1024
    mask: Literal["all", "info", "none"] = "info"
    lines_per_hour: Annotated[int, Within(0, 1_000_000)] = 1000
    audit_size: Annotated[int, Within(4096, 16 * 1024 * 1024, "bytes")] = 64 * 1024


@dataclass(frozen=True, slots=True)
class MetricsConfig:
    """The metrics as a file for the textfile collector of node_exporter; empty text: none."""

    textfile: Annotated[
        str, Check(lambda path: not path or (path.startswith("/") and path.endswith(".prom")), "a path to a .prom file")
    ] = ""


@dataclass(frozen=True, slots=True)
class ControlConfig:
    """The socket of the control API. `socket`: None is a file in the runtime directory, empty text none at all.

    `group` may operate the device, besides root and the user of the agent; `others` says what everybody else may.
    """

    socket: FileOrNothing | None = None
    group: Annotated[str, Check(lambda name: len(name) <= 32 and name.isprintable(), "the name of a group")] = "ipad"
    others: Literal["read", "none"] = "read"


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that an operator can set. `modems` is never empty; the one of a plain `[modem]` is called "modem"."""

    state: StateConfig = field(default_factory=StateConfig)
    modems: Mapping[str, ModemConfig] = field(default_factory=lambda: {DEFAULT_NAME: ModemConfig()})
    esipa: EsipaConfig = field(default_factory=EsipaConfig)
    net: NetConfig = field(default_factory=NetConfig)
    rsp: RspConfig = field(default_factory=RspConfig)
    eim: Mapping[str, EimConfig] = field(default_factory=dict)
    injection: InjectionConfig = field(default_factory=InjectionConfig)
    bearer: BearerConfig = field(default_factory=BearerConfig)
    timers: TimerConfig = field(default_factory=TimerConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    probe: ProbeConfig = field(default_factory=ProbeConfig)
    clock: ClockConfig = field(default_factory=ClockConfig)
    log: LogConfig = field(default_factory=LogConfig)
    control: ControlConfig = field(default_factory=ControlConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)

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
        """The same configuration with one modem in place of all, in the network of its own interface."""
        net = replace(self.net, interface=modem.interface) if modem.interface else self.net
        return replace(self, modems={name: modem}, net=net)

    def for_modem(self, name: str) -> Self:
        """What holds for one of the modems. Raises UsageError."""
        return self.with_modem(name, self.modem(name))

    @property
    def journal_file(self) -> Path:
        """Where the state of the only modem's eUICC is kept. Raises UsageError when there are several."""
        return self._state_file("journal")

    @property
    def policy_file(self) -> Path:
        """Where the memory of policy is kept. Raises UsageError when there are several modems."""
        return self._state_file("policy")

    @property
    def rung_file(self) -> Path:
        """Where it is kept that the modem is switched off for a moment. Raises UsageError when there are several."""
        return self._state_file("rung")

    def _state_file(self, kind: str) -> Path:
        self.modem()
        name = next(iter(self.modems))
        return self.state.directory / (f"{kind}.cbor" if name == DEFAULT_NAME else f"{kind}-{name}.cbor")


@dataclass(frozen=True, slots=True)
class _File:
    """The tables of the file, before the modems are told apart."""

    state: StateConfig = field(default_factory=StateConfig)
    modem: Mapping[str, Any] = field(default_factory=dict)
    esipa: EsipaConfig = field(default_factory=EsipaConfig)
    net: NetConfig = field(default_factory=NetConfig)
    rsp: RspConfig = field(default_factory=RspConfig)
    eim: Mapping[str, EimConfig] = field(default_factory=dict)
    injection: InjectionConfig = field(default_factory=InjectionConfig)
    bearer: BearerConfig = field(default_factory=BearerConfig)
    timers: TimerConfig = field(default_factory=TimerConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    probe: ProbeConfig = field(default_factory=ProbeConfig)
    clock: ClockConfig = field(default_factory=ClockConfig)
    log: LogConfig = field(default_factory=LogConfig)
    control: ControlConfig = field(default_factory=ControlConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)


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
    _check_injection(document, tables.injection, tables.net.interface)
    wrong = contradiction(tables.bearer)
    if wrong is not None:
        raise document.error(("bearer", *wrong[0]), wrong[1])
    return Config(
        state=tables.state,
        modems=_modems(document, tables.modem),
        esipa=tables.esipa,
        net=tables.net,
        rsp=tables.rsp,
        eim=tables.eim,
        injection=tables.injection,
        bearer=tables.bearer,
        timers=tables.timers,
        policy=tables.policy,
        probe=tables.probe,
        clock=tables.clock,
        log=tables.log,
        control=tables.control,
        metrics=tables.metrics,
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
    if target is None or not is_address(target[0]) or target[1] is None:
        raise document.error(keys, f'{address!r}: expected "address:port"')


def _check_injection(document: Document, injection: InjectionConfig, net_interface: str) -> None:
    """A server that listens needs a certificate, somebody who may connect, and one network to listen in."""
    for name, peer in injection.peer.items():
        keys = ("injection", "peer", name)
        if peer.certificate is None and not peer.networks:
            raise document.error(keys, "expected a certificate, networks, or both: who may connect is never everybody")
        if peer.name is not None and peer.certificate is None:
            raise document.error((*keys, "name"), "needs a certificate, of which it is the name")
    if not injection.enabled:
        return
    for key, value in (("certificate", injection.certificate), ("key", injection.key), ("peer", injection.peer)):
        if not value:
            raise document.error(("injection", key), "is missing, and nobody can connect without it")
    for kind, addresses in (("https", injection.https), ("coaps", injection.coaps)):
        for address in addresses:
            host, _ = listen_address(address) or ("", 0)
            if is_every_network(host) and not (injection.interface or net_interface):
                raise document.error(
                    ("injection", kind), f"{address} is every network: set injection.interface as well"
                )


def flatten(value: object, keys: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every setting with its keys, in the order of the declaration; a secret that is set is shown as ***."""
    if is_dataclass(value):
        for item in fields(value):
            name = "modem" if isinstance(value, Config) and item.name == "modems" else item.name
            own = getattr(value, item.name)
            yield from flatten("***" if own and item.metadata.get("secret") else own, (*keys, name))
    elif isinstance(value, tuple) and any(map(is_dataclass, value)):
        for number, entry in enumerate(value):
            yield from flatten(entry, (*keys, str(number)))
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            yield from flatten(entry, keys if keys == ("modem",) and key == "modem" else (*keys, key))
    else:
        yield keys, value
