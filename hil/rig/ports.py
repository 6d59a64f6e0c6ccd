"""Ports that stay the same when a rig is started again: eUICCs remember addresses."""

import json
from pathlib import Path

from hil.rig.options import RigError


class PortBook:
    """Remembers one port per name in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ports: dict[str, int] = {}
        if path.exists():
            try:
                self._ports = {str(name): int(port) for name, port in json.loads(path.read_text()).items()}
            except (ValueError, AttributeError, TypeError) as error:
                raise RigError(f"{path}: {error}") from error

    def port(self, name: str) -> int:
        """The remembered port, 0 when there is none."""
        return self._ports.get(name, 0)

    def remember(self, name: str, port: int) -> None:
        """Keep a port."""
        if self._ports.get(name) != port:
            self._ports[name] = port
            temporary = self._path.with_suffix(".tmp")
            temporary.write_text(json.dumps(self._ports, indent=1) + "\n")
            temporary.replace(self._path)

    def taken(self, name: str, error: OSError, wanted: int = 0) -> RigError:
        """The error for a port that cannot be had."""
        return RigError(
            f"port {wanted or self.port(name)} of {name} is in use ({error.strerror or error}); is another rig running "
            f"with this state? Removing {self._path} gives it new ports, which a provisioned card does not know"
        )
