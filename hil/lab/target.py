"""A board behind labgrid as a target of the suite: `pytest --pyargs hil.suite --target board.yaml`."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from labgrid import Environment
from labgrid.binding import BindingError, StateError
from labgrid.driver import SSHDriver
from labgrid.driver.exception import ExecutionError
from labgrid.exceptions import InvalidConfigError, NoConfigFoundError, NoSupplierFoundError
from labgrid.protocol import DigitalOutputProtocol, PowerProtocol, ResetProtocol
from labgrid.remote.client import Error as RemoteError
from labgrid.strategy import StrategyError

from hil.lab.association import Association
from hil.lab.board_files import BoardFiles
from hil.lab.daemon_driver import IpadDaemonDriver
from hil.lab.gateway import BoardGateway, BoardModem
from hil.lab.network_driver import IpadNetworkDriver, NetworkAction
from hil.lab.observing import BoardObserver
from hil.lab.operated_network import NETWORK, BenchLink, OperatedNetwork
from hil.lab.resource import IpadModemInfo
from hil.lab.servers import BoardServers
from hil.lab.settings import OPTION, BoardSettings, read_settings
from hil.lab.surroundings import MODEM_POWER, MODEM_RESET, RF_BLOCK, SIM_MUX, BoardNetwork, BoardPower, named_driver
from hil.rig import FIRST_EIM, SECOND_EIM, RigError
from hil.suite.ability import Ability
from hil.suite.activation import USED_FILE, ActivationCode, NamedCodes, codes_of
from hil.suite.errors import ProtectionError, TargetError
from hil.suite.loop import LoopThread
from hil.suite.protection import check_eid
from hil.suite.record import EventRecord
from hil.suite.secrecy import LogFilter, Secrets
from hil.suite.servers.eim import RigEim
from hil.suite.servers.smdp import RigSmdp
from hil.suite.target import Facts, Observations, Target
from hil.suite.through_agent import AgentCard

_LAB_ERRORS: Final = (
    BindingError,
    ExecutionError,
    InvalidConfigError,
    NoConfigFoundError,
    NoSupplierFoundError,
    RemoteError,
    StateError,
    StrategyError,
    OSError,
    ValueError,
)
"""What labgrid raises: of its own, for a port or a coordinator that is not there, for values that do not fit."""
_STEPS: Final = "StepLogger"
"""Name of labgrid's logger of what drivers do."""
_ALWAYS: Final = frozenset((Ability.SECOND_EIM, Ability.CONFIGURE, Ability.KILL))


def open_board(path: Path, config: Any) -> Target:
    """The board of an environment file, not open yet. `config` is pytest's. Raises TargetError."""
    try:
        environment = Environment(str(path))
        coordinator = config.getoption("lg_coordinator", None)
        if coordinator is not None:
            environment.config.set_option("coordinator_address", coordinator)
        settings = read_settings(environment.config.get_option(OPTION, {}), path.resolve().parent)
        board = environment.get_target("main")
        if board is None:
            raise TargetError("it has no target `main`")
        return BoardTarget(path.stem, board, settings, config.getoption("--agent"), codes_of(config))
    except (*_LAB_ERRORS, ModuleNotFoundError) as error:
        raise TargetError(_words(error)) from error


class BoardTarget:
    """`board` is labgrid's target. Abilities follow from its drivers and resources, and from what its owner declares.

    `agent` stands in place of the command that the environment file names; `codes` go before those that it names.
    """

    def __init__(
        self,
        name: str,
        board: Any,
        settings: BoardSettings,
        agent: str | None = None,
        codes: tuple[ActivationCode, ...] = (),
    ) -> None:
        self._name = name
        self._board = board
        self._settings = settings
        named = {code.digest: code for code in (*codes, *settings.activation_codes)}
        self._codes = NamedCodes(tuple(named.values()), Path(settings.bench.state) / USED_FILE) if named else None
        self._info = board.get_resource(IpadModemInfo)
        if not self._info.eid:
            raise ProtectionError("IpadModemInfo names no `eid`: the suite works on no eUICC that was not named")
        self._daemon = board.get_driver(IpadDaemonDriver, activate=False)
        if agent:
            self._daemon.use(agent)
        self.limits = settings.times
        found = (*_ALWAYS, *settings.abilities, *self._seen_abilities())
        self.abilities = frozenset(ability.value for ability in found)
        self._loop = LoopThread()
        self._stack = contextlib.ExitStack()
        self._observer: BoardObserver | None = None
        self._versions: dict[str, str] = {}
        self._facts: dict[str, str] = {"board": self._info.board}
        self._gateway: BoardGateway | None = None

    def _seen_abilities(self) -> list[Ability]:
        found = [Ability.SECOND_PROFILE] if self._info.spare_iccid else []
        if self._codes is not None:
            found.append(Ability.EXTERNAL_PROFILE)
        for ability, protocol, name in (
            (Ability.POWER, PowerProtocol, MODEM_POWER),
            (Ability.RF_BLOCK, DigitalOutputProtocol, RF_BLOCK),
        ):
            if any(isinstance(driver, protocol) and driver.name == name for driver in self._board.drivers):
                found.append(ability)
        for driver in self._board.drivers:
            if isinstance(driver, IpadNetworkDriver) and driver.name == NETWORK:
                found += [Ability.NETWORK, *((Ability.RF_BLOCK,) if driver.can(NetworkAction.COVERAGE) else ())]
        return found

    @property
    def facts(self) -> Facts:
        return Facts(self._name, self._info.eid, versions=self._versions, board=self._facts)

    # Life

    def open(self) -> None:
        try:
            self._open()
        except (*_LAB_ERRORS, RigError, AssertionError) as error:
            raise TargetError(_words(error)) from error

    def _open(self) -> None:
        if self._codes is not None:
            self._keep_secret(self._codes.secrets)
        self._loop.start()
        self._stack.callback(self._loop.stop)
        self._stack.callback(self._board.cleanup)
        if self._settings.sim_mux is not None:
            self._needed(DigitalOutputProtocol, SIM_MUX).set(self._settings.sim_mux)
        strategy = self._board.get_strategy()
        strategy.transition("booted")
        servers = self._serve()
        gateway = self._start_agent(servers, strategy)
        self._protect(gateway)
        self._make_abilities(servers, gateway, strategy)
        association = Association(self._loop, servers, gateway, self._files)
        association.ensure(allowed=self._settings.bench.associate)
        association.learn(self.eim, self.limits)

    def _keep_secret(self, secrets: Secrets) -> None:
        """labgrid logs each command that a driver carries out, on the terminal when it is asked to say more."""
        steps, hiding = logging.getLogger(_STEPS), LogFilter(secrets)
        steps.addFilter(hiding)
        self._stack.callback(steps.removeFilter, hiding)

    def _serve(self) -> BoardServers:
        servers = BoardServers(self._settings.bench, self._info.eid)
        self._loop.run(servers.__aenter__())
        self._stack.callback(lambda: self._loop.run(servers.__aexit__(None, None, None)))
        if self._settings.bench.forward:
            ssh = self._board.get_driver(SSHDriver)
            for port in servers.ports().values():
                self._stack.enter_context(ssh.forward_remote_port(port, port))
        self._servers = servers
        return servers

    def _start_agent(self, servers: BoardServers, strategy: Any) -> BoardGateway:
        """The agent with the configuration of the suite; in the end it runs with that of its owner."""
        self._files = BoardFiles(self._daemon, self._settings)
        self._stack.callback(self._give_back)
        trusted = servers.rsp is not None and Ability.TEST_PROFILE in self._settings.abilities
        self._files.take(servers.rsp.ci_file.read_bytes() if trusted and servers.rsp is not None else None)
        self._gateway = BoardGateway(self._daemon, self._files, self.limits)
        strategy.transition("daemon_ready")
        return self._gateway

    def _protect(self, gateway: BoardGateway) -> None:
        """Before anything is done to the eUICC."""
        check_eid(self.facts, str(gateway.ipad("euicc", "info").value["eid"]))
        status = gateway.status()
        device = status.get("device") or {}
        self._facts |= {key: str(device[key]) for key in ("manufacturer", "model", "revision") if device.get(key)}
        self._facts["host"] = " ".join(self._daemon.shell("uname -srm"))
        self._versions |= {"ipad": str(status.get("version", "")), "labgrid": importlib.metadata.version("labgrid")}

    def _make_abilities(self, servers: BoardServers, gateway: BoardGateway, strategy: Any) -> None:
        loop, limits, info = self._loop, self.limits, self._info
        eid = servers.eid
        self._eim = RigEim(loop, servers, FIRST_EIM, eid, self._poll, limits)
        self._eim2 = RigEim(loop, servers, SECOND_EIM, eid, self._poll, limits)
        self._smdp = RigSmdp(loop, servers, info.eid)
        self._card = AgentCard(gateway, info.eid, (info.spare_iccid,) if info.spare_iccid else ())
        self._modem = BoardModem(
            gateway,
            limits,
            port=strategy.modem if strategy.spare_port else None,
            line=named_driver(self._board, ResetProtocol, MODEM_RESET),
        )
        power = named_driver(self._board, PowerProtocol, MODEM_POWER)
        self._power = None if power is None else BoardPower(power, gateway, limits)
        self._network = self._make_network(servers, gateway)

    def _make_network(self, servers: BoardServers, gateway: BoardGateway) -> BoardNetwork | None:
        block = named_driver(self._board, DigitalOutputProtocol, RF_BLOCK)
        program = named_driver(self._board, IpadNetworkDriver, NETWORK)
        if program is None:
            return None if block is None else BoardNetwork(block, gateway, self.limits)
        network = OperatedNetwork(program, gateway, self.limits, BenchLink(self._loop, servers), block)
        # A run before may have been killed.
        network.reset()
        self._stack.callback(network.reset)
        return network

    def _needed(self, protocol: type, name: str) -> Any:
        driver = named_driver(self._board, protocol, name)
        if driver is None:
            raise TargetError(f"there is no {protocol.__name__} driver with the name {name!r}")
        return driver

    def _poll(self, eim_id: str, within: float) -> None:
        self.gateway.poll(eim_id, within=within)

    def begin(self, *, fresh: bool, options: Sequence[tuple[str, Any]] = ()) -> None:
        if fresh or options:
            raise TargetError("a board cannot be replaced by a new one; the case needs the ability `fresh`")
        if not self.gateway.running:
            self.gateway.start()
        for part in (self.gateway, self._eim, self._eim2, self._smdp):
            part.begin()
        self._observer = BoardObserver(
            self._loop, self._servers, self.gateway, Secrets() if self._codes is None else self._codes.secrets
        )

    def calm(self) -> None:
        # A part that fails does not keep the next ones from it.
        with contextlib.ExitStack() as parts:
            for part in (self.gateway, self._smdp, self._eim2, self._eim, self._power, self._network):
                if part is not None:
                    parts.callback(part.calm)

    def seen(self) -> Sequence[EventRecord]:
        return [] if self._observer is None else self._observer.seen()

    def end(self) -> Observations:
        observer, self._observer = self._observer, None
        return Observations() if observer is None else observer.end()

    def fingerprint(self) -> None:
        return None

    def worn(self) -> bool:
        return False

    def renew(self) -> bool:
        return False

    def close(self) -> None:
        try:
            self._stack.close()
        except _LAB_ERRORS as error:
            raise TargetError(f"the board is not as it was: {_words(error)}") from error

    def _give_back(self) -> None:
        """The agent ends, its owner's configuration comes back, and a service of the board runs on with it."""
        try:
            self._daemon.stop()
        finally:
            self._files.restore()
        if self._daemon.service:
            self._daemon.start(self.limits.start)

    # Abilities

    @property
    def gateway(self) -> BoardGateway:
        if self._gateway is None:
            raise TargetError("the board is not open")
        return self._gateway

    @property
    def card(self) -> AgentCard:
        return self._card

    @property
    def modem(self) -> BoardModem:
        return self._modem

    @property
    def eim(self) -> RigEim:
        return self._eim

    @property
    def eim2(self) -> RigEim:
        return self._eim2

    @property
    def smdp(self) -> RigSmdp:
        return self._smdp

    @property
    def activation_codes(self) -> NamedCodes:
        if self._codes is None:
            raise TargetError("no activation code is named")
        return self._codes

    @property
    def network(self) -> Any:
        """A BoardNetwork, which has not all of what a virtual one has, or an OperatedNetwork."""
        if self._network is None:
            raise TargetError(f"the board has no driver {NETWORK!r} or {RF_BLOCK!r}")
        return self._network

    @property
    def power(self) -> BoardPower:
        if self._power is None:
            raise TargetError(f"the board has no driver {MODEM_POWER!r}")
        return self._power

    @property
    def card_bench(self) -> Any:
        raise TargetError("a real eUICC has no knobs")

    @property
    def modem_bench(self) -> Any:
        raise TargetError("a real modem has no knobs")


def _words(error: BaseException) -> str:
    """What labgrid says: StrategyError of a broken strategy has the reason behind it."""
    cause = error.__cause__
    text = " ".join(map(str, error.args)) if isinstance(error, RemoteError) else str(getattr(error, "msg", "") or error)
    return f"{text}: {_words(cause)}" if isinstance(error, StrategyError) and cause is not None else text


__all__: Sequence[str] = ("BoardTarget", "open_board")
