"""One virtual device with everything round it: a rig in a thread, the agent as a process."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from hil.eim import EimProtocol, TlsTrust
from hil.eim.knobs import EimVersion
from hil.euicc import EuiccKind
from hil.network import Service
from hil.rig import FIRST_EIM, Rig, RigOptions
from hil.rig.options import RigError
from hil.rig.rig import SECOND_EIM
from hil.suite.errors import TargetError
from hil.suite.limits import Limits
from hil.suite.loop import LoopThread
from hil.suite.servers.eim import RigEim
from hil.suite.servers.smdp import RigSmdp
from hil.suite.through_agent import AgentCard, AgentModem
from hil.suite.virtual.agent import AgentProcess
from hil.suite.virtual.bench import RigCardBench, RigModemBench, RigPower
from hil.suite.virtual.network import RigNetwork

QUICK: Final = Service(search_time=0.05, session_time=0.02)
"""What the networks grant here: registered at once, so that cases do not wait for radio."""

_OPTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "euicc": EuiccKind,
    "personality": str,
    "eim_fqdn": str,
    "eim_version": EimVersion,
    "tls_trust": TlsTrust,
    "link": str,
    "indirect": frozenset,
    "eim_protocols": lambda names: tuple(EimProtocol(name) for name in names),
}


def rig_options(folder: Path, options: Mapping[str, Any]) -> RigOptions:
    """Options of `fresh` and `variant`. Raises TargetError."""
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise TargetError(f"no option {unknown[0]!r} of a virtual device, there are {', '.join(_OPTIONS)}")
    try:
        return RigOptions(folder, **{name: _OPTIONS[name](value) for name, value in options.items()})
    except (ValueError, KeyError) as error:
        raise TargetError(f"options of a virtual device: {error}") from error


class VirtualDevice:
    """Rig and agent. `associate` False: the card knows no eIM."""

    def __init__(self, loop: LoopThread, limits: Limits, command: str | None, options: Mapping[str, Any]) -> None:
        self._loop = loop
        # A socket's path has 107 characters at most: no folder of pytest is short enough.
        self._folder = Path(tempfile.mkdtemp(prefix="ipad-suite-"))
        more = dict(options)
        self._associate = bool(more.pop("associate", True))
        options_of_rig = rig_options(self._folder / "rig", more)
        self.rig = loop.call(lambda: Rig(options_of_rig))
        self._stack = contextlib.ExitStack()
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._limits = limits
        self._command = command

    def open(self) -> None:
        """Raises TargetError."""
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        loop, limits, rig = self._loop, self._limits, self.rig
        try:
            loop.run(rig.__aenter__())
        except RigError as error:
            raise TargetError(f"the rig: {error}") from error
        self._stack.callback(lambda: loop.run(rig.__aexit__(None, None, None)))
        loop.call(self._quicken)
        self.gateway = AgentProcess(rig, self._folder / "agent", limits, self._command)
        self._stack.callback(self._end_agent)
        eid = rig.eid
        self.network = RigNetwork(loop, rig, limits, QUICK)
        self.eim = RigEim(loop, rig, FIRST_EIM, eid, self._poll, limits)
        self.eim2 = RigEim(loop, rig, SECOND_EIM, eid, self._poll, limits)
        self.smdp = RigSmdp(loop, rig, rig.card.eid)
        self.card = AgentCard(self.gateway, rig.card.eid, tuple(profile.iccid for profile in rig.card.profiles[1:3]))
        self.modem = AgentModem(self.gateway, limits)
        self.card_bench = RigCardBench(loop, rig)
        self.modem_bench = RigModemBench(loop, rig, limits)
        self.power = RigPower(loop, rig, limits)
        self.gateway.start()
        if self._associate:
            self.gateway.ipad("eim", "add", str(rig.initial_eim_file))
            self._await_rest()

    def _await_rest(self) -> None:
        """Until the agent has polled its new eIM by itself, so that no case sees the end of that."""
        association = self.rig.eim(FIRST_EIM).core.association(self.rig.eid)
        if not self._loop.until(lambda: association.polls > 0, self._limits.start):
            raise TargetError("the agent did not poll its first eIM by itself")
        self.gateway.await_idle()

    def _quicken(self) -> None:
        self.rig.network.default_service = QUICK
        self.rig.network.clear_services()

    def _poll(self, eim_id: str, within: float) -> None:
        # A poll that does not end is a package that is not settled, which is told with more detail.
        with contextlib.suppress(AssertionError):
            self.gateway.poll(eim_id, within=within)

    def _end_agent(self) -> None:
        try:
            self.gateway.stop()
        finally:
            self.gateway.kill()

    def fingerprint(self) -> Hashable:
        """What is on the card, without counters, tokens and sequence numbers, which only grow."""
        return self._loop.call(self._fingerprint)

    def _fingerprint(self) -> Hashable:
        state = self.rig.card.engine.state
        return (
            frozenset(
                (profile.iccid, profile.enabled, profile.fallback_attribute, profile.nickname)
                for profile in state.profiles
            ),
            frozenset(repr(replace(eim, counter_value=0, association_token=None)) for eim in state.eims),
            (len(state.notifications), len(state.results), state.rollback is None),
            (state.default_smdp_address, state.root_smds_address, repr(state.immediate_enable)),
            (state.fallback_return, state.emergency is None, state.displaced, state.ipae_active),
            (state.pending_switch is None, state.loading is None),
        )

    def begin(self) -> None:
        """A case begins."""
        for part in (self.gateway, self.eim, self.eim2, self.smdp, self.card_bench, self.modem_bench):
            part.begin()

    def calm(self) -> None:
        """As before the case, but for the device itself."""
        for part in (self.network, self.modem_bench, self.card_bench, self.power, self.eim, self.eim2, self.smdp):
            part.calm()
        self.gateway.calm()

    def close(self) -> None:
        """End agent and rig; their files go."""
        self._stack.close()
