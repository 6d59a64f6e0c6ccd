"""How a rig is set up."""

from dataclasses import dataclass, field
from pathlib import Path

from hil.eim import EimProtocol, TlsTrust
from hil.eim.knobs import EimVersion
from hil.eim.tls import TlsKnobs
from hil.euicc import EuiccKind


class RigError(Exception):
    """A rig that cannot be set up; the message says why."""


@dataclass(frozen=True)
class RigOptions:
    """`state` is the folder of everything that survives a restart.

    `pki` None: a PKI is made below `state`. `eim_fqdn` None: "localhost" and the port of the relay. `vpcd` puts the
    card into a PC/SC reader (host, port) instead of the modem. `pace` is the speed of the serial line in bit/s,
    which with `uart` is the rate that the modem has stored, and that its client has to set.
    `smdp_fqdn` None: "localhost" and the port of the relay; `smdp_port` 0: chosen by the system, then remembered.
    `link` names the preset of the link between device and servers.
    `indirect` names the eIMs whose configuration data say indirectProfileDownload; `eim_protocols` is their
    eimSupportedProtocol, `eim_version` the SGP.32 version that they speak, `tls` how their HTTPS servers shake hands.
    """

    state: Path
    euicc: EuiccKind = EuiccKind.IOT
    personality: str = "quectel-eg25"
    pki: Path | None = None
    eim_fqdn: str | None = None
    tls_trust: TlsTrust = TlsTrust.PIN
    pace: int | None = None
    uart: bool = False
    vpcd: tuple[str, int] | None = None
    smdp_fqdn: str | None = None
    smdp_port: int = 0
    link: str = "none"
    indirect: frozenset[str] = frozenset(("eim2",))
    eim_protocols: tuple[EimProtocol, ...] = (EimProtocol.HTTPS,)
    eim_version: EimVersion = EimVersion.V1_2
    tls: TlsKnobs = field(default_factory=TlsKnobs)
