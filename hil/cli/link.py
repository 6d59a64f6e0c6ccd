"""`ipad-hil link`: arguments and what they do."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable
from typing import Any, Final

from hil.cli.client import ControlClient, ControlError
from hil.cli.rsp import Commands
from hil.cli.show import print_json, print_line
from hil.link import PRESETS, Forgotten

Action = Callable[[ControlClient, Namespace], int]

_WAY: Final = ("delay", "jitter", "rate", "loss", "reorder", "duplicate")
_NEVER: Final = "never"


def add_link_option(rig: argparse.ArgumentParser) -> None:
    """The option of `rig`."""
    rig.add_argument(
        "--link", choices=list(PRESETS), default="none", help="radio between device and servers (default: none, a wire)"
    )


def add_link(commands: Commands[argparse.ArgumentParser], control: argparse.ArgumentParser) -> None:
    """The command `link`."""
    link = commands.add_parser("link", help="the radio between device and servers").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    link.add_parser("show", parents=[control], help="profile, and whether anything passes")
    change = link.add_parser("set", parents=[control], help="another profile, or parts of it")
    change.add_argument("--preset", choices=list(PRESETS), help="begin with this one")
    helps = ("seconds one way", "seconds on top, at most", "bit/s, 0: unlimited", "probability", "of datagrams", "too")
    for name, text in zip(_WAY, helps, strict=True):
        change.add_argument(f"--{name}", type=_both, metavar="UP[/DOWN]", help=text)
    change.add_argument("--queue", type=int, metavar="BYTES", help="what may wait in each direction")
    change.add_argument("--mtu", type=int, metavar="BYTES", help="of an IP packet")
    for name in ("udp", "tcp"):
        change.add_argument(f"--nat-{name}", metavar="SECONDS", help=f"until the NAT forgets a flow, or '{_NEVER}'")
    forgotten = [one.value for one in Forgotten]
    change.add_argument("--forgotten", choices=forgotten, help="what happens to forgotten TCP connections")
    cut = link.add_parser("cut", parents=[control], help="reset and refuse everything, whatever the bearer")
    cut.add_argument("seconds", nargs="?", type=float, metavar="SECONDS", help="for so long (default: until told)")
    cut.add_argument("--silent", action="store_true", help="swallow everything without a word instead")
    link.add_parser("restore", parents=[control], help="the end of a cut")
    link.add_parser("rebind", parents=[control], help="let the NAT forget its table")
    counters = link.add_parser("counters", parents=[control], help="bytes and packets of every door")
    counters.add_argument("--reset", action="store_true", help="count from zero afterwards")
    counters.add_argument("--json", action="store_true", help="as JSON")


def _both(text: str) -> tuple[float, float]:
    up, slash, down = text.partition("/")
    try:
        return float(up), float(down if slash else up)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number, or two as UP/DOWN") from None


def _set(client: ControlClient, options: Namespace) -> int:
    body: dict[str, Any] = {"up": {}, "down": {}}
    for name in ("preset", "queue", "mtu", "forgotten"):
        if getattr(options, name) is not None:
            body[name] = getattr(options, name)
    for name in _WAY:
        values = getattr(options, name)
        if values is not None:
            body["up"][name], body["down"][name] = values
    for name in ("nat_udp", "nat_tcp"):
        if getattr(options, name) is not None:
            body[name] = _time_out(getattr(options, name))
    return print_json(client.post("/link", body))


def _time_out(text: str) -> float | None:
    if text == _NEVER:
        return None
    try:
        return float(text)
    except ValueError:
        raise ControlError(f"{text!r}: expected seconds or '{_NEVER}'") from None


def _cut(client: ControlClient, options: Namespace) -> int:
    client.post("/link/cut", {"silent": options.silent, "seconds": options.seconds})
    return 0


def _restore(client: ControlClient, _options: Namespace) -> int:
    client.delete("/link/cut")
    return 0


def _rebind(client: ControlClient, _options: Namespace) -> int:
    client.post("/link/rebind", {})
    return 0


def _counters(client: ControlClient, options: Namespace) -> int:
    found = client.delete("/link/counters") if options.reset else client.get("/link/counters")
    if options.json:
        return print_json(found)
    print_line(
        f"{'':<16}{'payload up/down':>20}{'packets':>14}{'with headers':>20}{'lost':>8}{'trips':>7}{'seconds':>10}"
    )
    for name, traffic in (*found["doors"].items(), ("total", found["total"])):
        columns = [f"{traffic['up'][key]}/{traffic['down'][key]}" for key in ("payload", "packets", "wire", "lost")]
        print_line(
            f"{name:<16}{columns[0]:>20}{columns[1]:>14}{columns[2]:>20}{columns[3]:>8}"
            f"{traffic['roundTrips']:>7}{traffic['span']:>10.3f}"
        )
    return 0


LINK_ACTIONS: Final[dict[tuple[str, str | None], Action]] = {
    ("link", "show"): lambda client, _options: print_json(client.get("/link")),
    ("link", "set"): _set,
    ("link", "cut"): _cut,
    ("link", "restore"): _restore,
    ("link", "rebind"): _rebind,
    ("link", "counters"): _counters,
}
