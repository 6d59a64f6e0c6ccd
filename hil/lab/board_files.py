"""The agent's configuration on a board, changed for the time of a run and put back afterwards."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from hil.lab.settings import BoardSettings
from hil.suite.errors import TargetError
from hil.suite.toml_text import dumps, merged

_BEFORE: Final = "configuration.before"
_POLICY: Final = "policy.toml"
_CI: Final = "ci.pem"
_EIM: Final = "initial-eim.der"
_CONFIRMATION: Final = "confirmation-code"


class BoardFiles:
    """`daemon` is an IpadDaemonDriver that is active.

    The configuration as its owner wrote it stays on the board beside the changed one until `restore`: the next run
    puts it back, too, when this one was torn down without a chance to.
    """

    def __init__(self, daemon: Any, settings: BoardSettings) -> None:
        self._daemon = daemon
        self._settings = settings
        self._folder = settings.files
        self._original: str | None = None
        self._base: Mapping[str, Any] = {}
        self._policy: Mapping[str, Any] = {}

    def take(self, ci: bytes | None) -> None:
        """Keep the owner's configuration and write that of the suite. `ci`: certificates (PEM) of the bench's SM-DP+.

        Raises TargetError, ExecutionError.
        """
        before = self._path(_BEFORE)
        config = self._daemon.config
        if not self._daemon.exists(config) and not self._daemon.exists(before):
            raise TargetError(
                f"there is no {config} on the board: expected the agent's configuration there "
                "(`config` of IpadDaemonDriver)"
            )
        self._shell(f"mkdir -p {shlex.quote(self._folder)}")
        self._shell(f"[ -e {shlex.quote(before)} ] || cp -p {shlex.quote(config)} {shlex.quote(before)}")
        self._original = self._daemon.read_file(before)
        base = self._parsed(self._original, config)
        policy_file = base.get("policy", {}).get("file")
        named = self._parsed(self._daemon.read_file(policy_file), policy_file) if policy_file else {}
        self._policy = merged(named, tomllib.loads(self._settings.policy))
        self._base = merged(base, tomllib.loads(self._settings.configuration))
        if ci is not None:
            path = self._path(_CI)
            self._daemon.write_file(path, ci.decode("ascii"))
            known = list(self._base.get("rsp", {}).get("ci_files", ()))
            self._base = merged(self._base, {"rsp": {"ci_files": [*known, path]}})
        self.apply({}, {})

    def apply(self, more: Mapping[str, Any], policy: Mapping[str, Any]) -> None:
        """The configuration of the suite with these tables besides. Raises ExecutionError."""
        rules = merged(self._policy, policy)
        if rules:
            path = self._path(_POLICY)
            self._daemon.write_file(path, dumps(rules))
            more = merged({"policy": {"file": path}}, more)
        self._daemon.write_file(self._daemon.config, dumps(merged(self._base, more)))

    def restore(self) -> None:
        """The owner's configuration as it was, and nothing of the suite besides. Raises ExecutionError."""
        if self._original is None:
            return
        before = shlex.quote(self._path(_BEFORE))
        self._shell(f"mv {before} {shlex.quote(self._daemon.config)}")
        for name in (_POLICY, _CI, _EIM, _CONFIRMATION):
            self._shell(f"rm -f {shlex.quote(self._path(name))}")
        self._shell(f"rmdir {shlex.quote(self._folder)} 2>/dev/null || true")
        self._original = None

    def put_eim(self, request: bytes) -> str:
        """Write an AddInitialEimRequest; where it is on the board. Raises ExecutionError."""
        path = self._path(_EIM)
        self._daemon.write_octets(path, request)
        return path

    def put_secret(self, text: str) -> str:
        """Write a text that only its owner may read; where it is on the board. Raises ExecutionError."""
        path = self._path(_CONFIRMATION)
        self._shell(f"(umask 077; : >{shlex.quote(path)})")
        self._daemon.write_file(path, text)
        return path

    def remove_secret(self) -> None:
        """The text is gone. Raises ExecutionError."""
        self._shell(f"rm -f {shlex.quote(self._path(_CONFIRMATION))}")

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _shell(self, command: str) -> None:
        self._daemon.shell(command)

    @staticmethod
    def _parsed(text: str, path: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise TargetError(f"{path} on the board: {error}") from error
