"""The virtual radio network: operators, what each of them grants to which subscriber, and an address pool.

The network holds no timers: it answers what a cell looks like and whether a subscriber is admitted at the moment of the
question, and tells its listeners when an operator or a service was changed. Modems keep the time. A scenario
(`hil.scenario`) is therefore a list of moments at which somebody changes operators and services, on whatever clock.
"""

from hil.network.addresses import AddressPool, PacketSession, SessionRefusal
from hil.network.authentication import AuthenticationCentre, Challenged
from hil.network.network import Network
from hil.network.operators import Access, EsmCause, Operator, Service, Signal, Subscriber

__all__ = [
    "Access",
    "AddressPool",
    "AuthenticationCentre",
    "Challenged",
    "EsmCause",
    "Network",
    "Operator",
    "PacketSession",
    "Service",
    "SessionRefusal",
    "Signal",
    "Subscriber",
]
