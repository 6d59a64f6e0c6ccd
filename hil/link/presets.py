"""Links of the field as rounded figures: what a device in use sees, not what a data sheet promises.

The text below each preset says where the order of magnitude comes from. Loss is what remains above the radio's own
retransmission. NAT: RFC 4787 asks for two minutes of UDP at least, operators are known for less; RFC 5382 asks for two
hours and four minutes of TCP, operators of machine-to-machine networks forget within an hour or sooner.
"""

from __future__ import annotations

from typing import Final

from hil.link.profile import LinkProfile, Way

NONE: Final = LinkProfile()
"""A wire: nothing is done to packets but count them."""

NB_IOT: Final = LinkProfile(
    up=Way(delay=0.8, jitter=0.4, rate=20_000, loss=0.01),
    down=Way(delay=0.5, jitter=0.3, rate=25_000, loss=0.01),
    queue=8_192,
    nat_udp=120.0,
    nat_tcp=1800.0,
    mtu=1358,
)
"""LTE Cat NB1 at the edge of normal coverage. Peak rates are about 26 kbit/s down and 63 kbit/s up multi-tone or 17
single-tone (TS 36.306 with the timing of TS 36.213 clause 16); TR 45.820 allows 10 s for one report in extreme
coverage. 1358 is the link MTU of TS 23.060 Annex C."""

LTE_M: Final = LinkProfile(
    up=Way(delay=0.08, jitter=0.06, rate=250_000, loss=0.003),
    down=Way(delay=0.05, jitter=0.04, rate=300_000, loss=0.003),
    queue=32_768,
    nat_udp=120.0,
    nat_tcp=1800.0,
    mtu=1358,
)
"""LTE Cat M1, half duplex: peak 300 kbit/s down and 375 kbit/s up (TS 36.306), 100 to 150 ms to a server and back."""

CAT4: Final = LinkProfile(
    up=Way(delay=0.02, jitter=0.01, rate=20_000_000, loss=0.0005),
    down=Way(delay=0.02, jitter=0.01, rate=50_000_000, loss=0.0005),
    queue=1 << 20,
    nat_udp=120.0,
    nat_tcp=7440.0,
)
"""LTE Cat 4: peak 150 and 50 Mbit/s (TS 36.306), a loaded cell gives a third of it; about 45 ms there and back."""

SATELLITE: Final = LinkProfile(
    up=Way(delay=0.28, jitter=0.03, rate=100_000, loss=0.01),
    down=Way(delay=0.28, jitter=0.03, rate=400_000, loss=0.01),
    queue=65_536,
    nat_udp=120.0,
    nat_tcp=3600.0,
)
"""Geostationary, with a small terminal: 35,786 km up and as many down are 240 to 280 ms one way (ITU-T G.114)."""

GSM: Final = LinkProfile(
    up=Way(delay=0.35, jitter=0.25, rate=40_000, loss=0.01, reorder=0.002),
    down=Way(delay=0.3, jitter=0.25, rate=80_000, loss=0.01, reorder=0.002),
    queue=32_768,
    nat_udp=60.0,
    nat_tcp=1800.0,
)
"""EDGE with a few time slots of middling coding schemes (TS 43.064): well below the 59.2 kbit/s per slot of MCS-9, 600
to 900 ms there and back while a temporary block flow has to be set up."""

PRESETS: Final[dict[str, LinkProfile]] = {
    "none": NONE,
    "nb-iot": NB_IOT,
    "lte-m": LTE_M,
    "cat4": CAT4,
    "satellite": SATELLITE,
    "gsm": GSM,
}
"""All of them by name."""


def preset(name: str) -> LinkProfile:
    """The preset of this name. Raises ValueError when there is none."""
    try:
        return PRESETS[name]
    except KeyError:
        raise ValueError(f"there is no preset {name!r}, expected one of {', '.join(PRESETS)}") from None
