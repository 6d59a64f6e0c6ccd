"""Arguments of `ipad-hil`."""

import argparse
from pathlib import Path
from typing import Final

from hil.cli.bench import add_bench
from hil.cli.bindings import add_bindings, add_eim_options
from hil.cli.fleet import add_fleet
from hil.cli.link import add_link, add_link_option
from hil.cli.play import add_play
from hil.cli.rsp import Commands, add_rsp
from hil.cli.sweep import add_sweep
from hil.eim import TlsTrust
from hil.eim.faults import FaultKind
from hil.euicc import EuiccKind
from hil.modem import personality_names

CONTROL_VARIABLE: Final = "IPAD_HIL_CONTROL"

_EPILOG: Final = f"""Commands but rig, demo, bench, sweep and fleet act on a running rig: --control URL,
or the variable {CONTROL_VARIABLE}.
Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 a wait ended without its condition."""


def build_parser() -> argparse.ArgumentParser:
    """The whole tree; the chosen command is in `command` (and `verb`)."""
    parser = argparse.ArgumentParser(
        prog="ipad-hil", description="Virtual bench: eUICC, modem, network, eIM, SM-DP+, SM-DS.", epilog=_EPILOG
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_rig(commands)
    _add_demo(commands)
    add_bench(commands)
    add_sweep(commands)
    add_fleet(commands)
    control = argparse.ArgumentParser(add_help=False)
    control.add_argument("--control", metavar="URL", help="control URL of the rig")
    _add_eim(commands, control)
    add_rsp(commands, control)
    add_link(commands, control)
    add_play(commands, control)
    _add_card_and_modem(commands, control)
    _add_rest(commands, control)
    return parser


def _add_rig(commands: "Commands[argparse.ArgumentParser]") -> None:
    rig = commands.add_parser("rig", help="run everything in the foreground and print one line of JSON when ready")
    rig.add_argument("--state", type=Path, metavar="DIR", help="keep everything here (default: a temporary folder)")
    rig.add_argument("--euicc", type=EuiccKind, choices=list(EuiccKind), default=EuiccKind.IOT, help="kind of card")
    names = ", ".join(personality_names())
    rig.add_argument("--personality", default="quectel-eg25", metavar="NAME", help=f"modem: {names}, or a .toml file")
    rig.add_argument("--pki", type=Path, metavar="DIR", help="keys and certificates to use (see docs/bench.md)")
    rig.add_argument("--eim-fqdn", metavar="NAME", help="eimFqdn that the card gets (default: localhost:PORT)")
    rig.add_argument(
        "--tls-trust",
        type=TlsTrust,
        choices=list(TlsTrust),
        default=TlsTrust.PIN,
        help="what the initial eIM file says about the eIM's TLS server",
    )
    rig.add_argument("--pace", type=_speed, metavar="BAUD", help="make the line as slow as this (default: unpaced)")
    rig.add_argument("--uart", action="store_true", help="the line is a UART: its client must set the modem's rate")
    rig.add_argument("--vpcd", type=_host_port, metavar="HOST:PORT", help="put the card into this vpcd reader")
    rig.add_argument("--smdp-fqdn", metavar="NAME", help="host name of the SM-DP+ (default: localhost:PORT)")
    rig.add_argument("--smdp-port", type=_port, default=0, metavar="PORT", help="port of the SM-DP+ (default: any)")
    rig.add_argument(
        "--indirect",
        type=_eims,
        default=("eim2",),
        metavar="EIM,...",
        help="eIMs whose data say indirectProfileDownload: eim1, eim2, none (default: eim2)",
    )
    add_eim_options(rig)
    add_link_option(rig)
    rig.add_argument("-v", "--verbose", action="count", default=0, help="log to standard error, twice for more")


def _add_demo(commands: "Commands[argparse.ArgumentParser]") -> None:
    demo = commands.add_parser("demo", help="run the agent against a fresh rig and print the story")
    demo.add_argument("--state", type=Path, metavar="DIR", help="keep the rig here (default: a temporary folder)")
    demo.add_argument("--personality", default="quectel-eg25", metavar="NAME", help="modem of the rig")
    demo.add_argument(
        "--agent", default=None, metavar="COMMAND", help="command that runs the agent (default: this Python -m ipad)"
    )


def _add_eim(commands: "Commands[argparse.ArgumentParser]", control: argparse.ArgumentParser) -> None:
    eim = commands.add_parser("eim", help="operate an eIM").add_subparsers(dest="verb", required=True, metavar="VERB")
    common = argparse.ArgumentParser(add_help=False, parents=[control])
    common.add_argument("--eim", default="eim1", metavar="NAME", help="eim1 (default) or eim2")
    _add_queue(
        eim.add_parser("queue", help="queue something for the IPA").add_subparsers(
            dest="what", required=True, metavar="WHAT"
        ),
        common,
    )
    listing = eim.add_parser("list", parents=[common], help="packages and their states")
    listing.add_argument("--json", action="store_true", help="as JSON")
    results = eim.add_parser("results", parents=[common], help="what arrived")
    results.add_argument("--after", type=int, metavar="N", help="only records with a higher number")
    results.add_argument("--kind", help="only one kind: result, notification, data, ...")
    results.add_argument("--package", type=int, metavar="N", help="only those of one package")
    results.add_argument("--json", action="store_true", help="as JSON, with all fields")
    cancel = eim.add_parser("cancel", parents=[common], help="close a waiting package")
    cancel.add_argument("number", type=int, help="of the package, as listed")
    _add_eim_faults(eim, common)


def _add_eim_faults(eim: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    knob = eim.add_parser("knob", parents=[common], help="show or turn knobs: NAME=VALUE")
    knob.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="what to turn; none: show all")
    fault = eim.add_parser("fault", parents=[common], help="break exchanges")
    fault.add_argument("kind", choices=[*(kind.value for kind in FaultKind), "clear", "list"])
    fault.add_argument("--function", default="any", help="ESipa function, such as GetEimPackage")
    fault.add_argument("--times", type=int, default=1, help="how often; 0: until cleared")
    fault.add_argument("--after", type=int, default=0, help="let so many pass first")
    fault.add_argument("--value", type=int, default=0, help="status, size or difference")
    fault.add_argument("--seconds", type=float, default=0.0, help="delay, pause or Retry-After")
    add_bindings(eim, common)


def _add_queue(queue: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    faults = argparse.ArgumentParser(add_help=False, parents=[common])
    group = faults.add_argument_group("deliberate mistakes")
    group.add_argument("--bad-signature", action="store_true", help="one bit of the signature flipped")
    group.add_argument("--eid", dest="fault_eid", metavar="HEX", help="signed for this EID")
    group.add_argument("--eim-id", dest="fault_eim_id", metavar="ID", help="signed under this eimId")
    group.add_argument("--counter", dest="fault_counter", type=int, metavar="N", help="signed with this counterValue")
    group.add_argument("--token", dest="fault_token", type=int, metavar="N", help="signed with this associationToken")
    group.add_argument("--no-transaction-id", action="store_true", help="without eimTransactionId")
    for name in ("enable", "disable", "delete", "set-fallback"):
        command = queue.add_parser(name, parents=[faults], help=f"{name} a profile")
        command.add_argument("iccid", help="of the profile")
        if name == "enable":
            command.add_argument("--rollback", action="store_true", help="with rollbackFlag")
    swap = queue.add_parser("swap", parents=[faults], help="disable one profile and enable another in one package")
    swap.add_argument("disable", metavar="ICCID", help="to disable")
    swap.add_argument("enable", metavar="ICCID", help="to enable")
    listing = queue.add_parser("list-profiles", parents=[faults], help="listProfileInfo")
    listing.add_argument("--iccid", help="only this profile")
    listing.add_argument("--tags", metavar="HEX,...", type=_tags, help="tagList (default: none)")
    for name, text in (("rat", "getRAT"), ("unset-fallback", "unsetFallbackAttribute"), ("list-eim", "listEim")):
        queue.add_parser(name, parents=[faults], help=text)
    default_dp = queue.add_parser("default-dp", parents=[faults], help="setDefaultDpAddress")
    default_dp.add_argument("address", help="empty: remove it")
    immediate = queue.add_parser("immediate-enable", parents=[faults], help="configureImmediateEnable")
    immediate.add_argument("state", choices=["on", "off"])
    immediate.add_argument("--smdp", metavar="ADDRESS", help="address of the SM-DP+ that it is for")
    immediate.add_argument("--oid", help="OID of the SM-DP+ that it is for")
    for name in ("add-eim", "update-eim"):
        command = queue.add_parser(name, parents=[faults], help=f"{name} with the data of an eIM of the rig, or a file")
        command.add_argument("other", metavar="NAME|FILE", help="eim2, or EimConfigurationData in DER")
    removal = queue.add_parser("delete-eim", parents=[faults], help="remove an association")
    removal.add_argument("eim_id", metavar="EIMID", help="eimId of the association")
    data = queue.add_parser("data", parents=[common], help="IpaEuiccDataRequest")
    data.add_argument("--tags", metavar="HEX,...", type=_tags, help="default: all")
    trigger = queue.add_parser("download", parents=[common], help="ProfileDownloadTriggerRequest")
    source = trigger.add_mutually_exclusive_group(required=True)
    source.add_argument("source", nargs="?", help="activation code, 'default', 'smds', 'smds:ADDRESS' or 'none'")
    source.add_argument("--activation-code", metavar="CODE", help="that the IPA is told")
    source.add_argument("--default", action="store_true", help="the default SM-DP+ of the eUICC")
    source.add_argument("--smds", metavar="ADDRESS", nargs="?", const="", help="a SM-DS, without address the root")
    source.add_argument("--held", metavar="CODE", help="the eIM keeps the activation code to itself")
    trigger.add_argument("--confirmation-code", metavar="CODE", help="known to the eIM, for an indirect download")
    raw = queue.add_parser("raw", parents=[common], help="any bytes inside GetEimPackageResponse")
    raw.add_argument("hex", metavar="HEX", help="the bytes in hexadecimal")
    order = queue.add_parser("order", parents=[common], help="an order in JSON (see docs/bench.md)")
    order.add_argument("json", metavar="JSON", help="as the control API takes it")


def _add_card_and_modem(commands: "Commands[argparse.ArgumentParser]", control: argparse.ArgumentParser) -> None:
    card = commands.add_parser("card", help="the virtual eUICC").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    card.add_parser("show", parents=[control], help="profiles, eIMs, what waits")
    card.add_parser("reset", parents=[control], help="reset it under the modem's hands")
    modem = commands.add_parser("modem", help="the virtual modem").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    modem.add_parser("show", parents=[control], help="registration, bearer, counters")
    power = modem.add_parser("power", parents=[control], help="switch it")
    power.add_argument("state", choices=["on", "off"])
    gone = modem.add_parser("hang-up", parents=[control], help="let the port vanish and come back")
    gone.add_argument("--seconds", type=float, default=1.0, help="how long it stays away (1)")
    modem.add_parser("restart", parents=[control], help="reset it")
    for verbs in (card, modem):
        knob = verbs.add_parser("knob", parents=[control], help="show or turn knobs: NAME=VALUE")
        knob.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="what to turn; none: show all")


def _add_rest(commands: "Commands[argparse.ArgumentParser]", control: argparse.ArgumentParser) -> None:
    commands.add_parser("state", parents=[control], help="the whole rig as JSON")
    trace = commands.add_parser("trace", parents=[control], help="the timeline")
    trace.add_argument("--after", type=int, metavar="N", help="only events with a higher number")
    trace.add_argument("--interface", help="AT, APDU, ESIPA, ES9+, ES11, RADIO, CARD or BENCH")
    trace.add_argument("--json", action="store_true", help="as JSON, with the bytes")
    relay = commands.add_parser("relay", parents=[control], help="cut the link, or no longer")
    relay.add_argument("state", choices=["shut", "follow"])
    network = commands.add_parser("network", parents=[control], help="knobs of the network's default service")
    network.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="what to turn; none: show all")
    wait = commands.add_parser("wait", parents=[control], help="wait for idle=eim1, bearer=up, records=eim1:5, ...")
    wait.add_argument("conditions", nargs="+", metavar="NAME=VALUE", help="all of them must hold")
    wait.add_argument("--timeout", type=float, default=30.0, help="seconds (30)")


def _speed(text: str) -> int:
    value = int(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is no line speed")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value < 65536:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return value


def _eims(text: str) -> tuple[str, ...]:
    names = () if text == "none" else tuple(text.split(","))
    if any(name not in ("eim1", "eim2") for name in names):
        raise argparse.ArgumentTypeError(f"{text!r}: expected eim1, eim2, both with a comma, or none")
    return names


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def _tags(text: str) -> list[str]:
    tags = text.split(",")
    try:
        [int(tag, 16) for tag in tags]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of tags in hexadecimal") from None
    return tags
