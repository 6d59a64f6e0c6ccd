"""All resources and drivers of this package: what an environment file of labgrid names under `imports`."""

from hil.lab.at_driver import IpadAtDriver
from hil.lab.command_driver import IpadLocalCommandDriver
from hil.lab.daemon_driver import IpadDaemonDriver
from hil.lab.network_driver import IpadNetworkDriver
from hil.lab.resource import IpadModemInfo
from hil.lab.strategy import IpadGatewayStrategy

__all__ = [
    "IpadAtDriver",
    "IpadDaemonDriver",
    "IpadGatewayStrategy",
    "IpadLocalCommandDriver",
    "IpadModemInfo",
    "IpadNetworkDriver",
]
