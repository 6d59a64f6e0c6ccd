"""The virtual eIM: an ESipa server with associations, signing, queues, verification and faults on demand."""

from hil.eim.core import UnknownEuiccError, VirtualEim
from hil.eim.identity import EimIdentity, EimProtocol, TlsAnchors, TlsTrust

__all__ = ["EimIdentity", "EimProtocol", "TlsAnchors", "TlsTrust", "UnknownEuiccError", "VirtualEim"]
