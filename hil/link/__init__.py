"""The link emulator: everything between the device and the servers, on loopback.

A `Link` is one radio with a NAT behind it. Each server has a door, TCP or UDP, through which the device reaches it;
rate and queue are shared by all of them. The profile says what the link does to packets, the meters what it cost.
"""

from hil.link.link import Link
from hil.link.meter import Flow, Meter, Traffic
from hil.link.presets import PRESETS, preset
from hil.link.profile import Forgotten, LinkProfile, Passage, Way
from hil.link.tcp import TcpDoor
from hil.link.udp import UdpDoor

__all__ = [
    "PRESETS",
    "Flow",
    "Forgotten",
    "Link",
    "LinkProfile",
    "Meter",
    "Passage",
    "TcpDoor",
    "Traffic",
    "UdpDoor",
    "Way",
    "preset",
]
