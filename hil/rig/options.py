"""How a rig is set up."""

from dataclasses import dataclass
from pathlib import Path

from hil.eim import TlsTrust
from hil.euicc import EuiccKind


class RigError(Exception):
    """A rig that cannot be set up; the message says why."""


@dataclass(frozen=True)
class RigOptions:
    """`state` is the folder of everything that survives a restart.

    `pki` None: a PKI is made below `state`. `eim_fqdn` None: "localhost" and the port of the relay. `vpcd` puts the
    card into a PC/SC reader (host, port) instead of the modem. `pace` is the speed of the serial line in bit/s.
    `smdp_fqdn` None: "localhost" and the port of the relay; `smdp_port` 0: chosen by the system, then remembered.
    `indirect` names the eIMs whose configuration data say indirectProfileDownload.
    """

    state: Path
    euicc: EuiccKind = EuiccKind.IOT
    personality: str = "quectel-eg25"
    pki: Path | None = None
    eim_fqdn: str | None = None
    tls_trust: TlsTrust = TlsTrust.PIN
    pace: int | None = None
    vpcd: tuple[str, int] | None = None
    smdp_fqdn: str | None = None
    smdp_port: int = 0
    indirect: frozenset[str] = frozenset(("eim2",))
