"""The eUICC of a board and the bench's first eIM: found associated, or associated for the first time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hil.eim import content
from hil.lab.board_files import BoardFiles
from hil.lab.gateway import BoardGateway
from hil.lab.servers import BoardServers
from hil.rig import FIRST_EIM
from hil.suite.errors import TargetError
from hil.suite.limits import Limits
from hil.suite.loop import LoopThread
from hil.suite.servers.eim import RigEim

CONFIGURATION_FILE: Final = "eim1-configuration.der"
_CERTIFICATES: Final = (0xA5, 0xA6)
"""eumCertificate and euiccCertificate in IpaEuiccDataRequest (SGP.32 5.14.4)."""


class Association:
    """Sees to it that the eIM may manage the eUICC. Raises TargetError where its owner has to do something."""

    def __init__(self, loop: LoopThread, servers: BoardServers, gateway: BoardGateway, files: BoardFiles) -> None:
        self._loop = loop
        self._servers = servers
        self._gateway = gateway
        self._files = files
        self._identity = servers.eim(FIRST_EIM).core.identity

    def ensure(self, *, allowed: bool) -> None:
        """`allowed`: an eUICC without any eIM gets this one (ES10b.AddInitialEim, SGP.32 5.9.4)."""
        known: Sequence[Mapping[str, Any]] = self._gateway.ipad("eim", "list").value["eims"]
        own = next((row for row in known if row["eim_id"] == self._identity.eim_id), None)
        if own is not None:
            self._check(own)
        elif known:
            raise TargetError(self._advice([str(row["eim_id"]) for row in known]))
        elif not allowed:
            raise TargetError(
                "the eUICC has no eIM; with `associate: true` in options.suite.bench it gets that of the bench, "
                "which stays on it"
            )
        else:
            self._add()

    def learn(self, eim: RigEim, limits: Limits) -> None:
        """Have the eUICC show its certificate when none was given: what it signs from then on is verified with it, by
        all eIMs of the bench."""
        core = self._servers.eim(FIRST_EIM).core
        if self._loop.call(lambda: core.association(self._servers.eid).public_key) is None:
            eim.knob(learn_certificate=True)
            try:
                eim.run(content.data_request(_CERTIFICATES), within=limits.switch)
            finally:
                eim.knob(learn_certificate=False)
        self._loop.call(self._servers.share_certificate)

    def _add(self) -> None:
        request = self._identity.add_initial_eim(counter=self._counter())
        answer = self._gateway.ipad("eim", "add", self._files.put_eim(request))
        added = [row for row in answer.value["added"] if row["eim_id"] == self._identity.eim_id]
        self._take_token(added[0]["token"] if added else None)

    def _check(self, own: Mapping[str, Any]) -> None:
        """The eUICC says what it knows of the eIM: that must be this one, where it is now."""
        if own["fqdn"] != self._identity.fqdn:
            raise TargetError(
                f"the eUICC knows {self._identity.eim_id} at {own['fqdn']}, and it is at {self._identity.fqdn}: "
                "use the same state, host and ports as when it was associated"
            )
        self._take_token(own["token"])

    def _take_token(self, token: int | None) -> None:
        core = self._servers.eim(FIRST_EIM).core
        if token is not None:
            self._loop.call(lambda: core.set_token(self._servers.eid, token))

    def _counter(self) -> int:
        core = self._servers.eim(FIRST_EIM).core
        return self._loop.call(lambda: core.association(self._servers.eid).counter)

    def _advice(self, others: list[str]) -> str:
        path = Path(self._servers.options.state) / CONFIGURATION_FILE
        path.write_bytes(self._loop.call(lambda: self._servers.configuration(FIRST_EIM)))
        return (
            f"the eUICC is managed by {', '.join(others)}; have one of them add the bench's eIM with an eCO addEim: "
            f"its EimConfigurationData is in {path}"
        )
