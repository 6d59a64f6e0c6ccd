"""The tree of commands. It imports nothing of the agent: `ipad --version` and usage errors cost no start-up."""

from __future__ import annotations

import argparse
from typing import Any, Final, NoReturn

from ipad import __version__
from ipad.errors import UsageError

RESET_FLAGS: Final = {
    "operational": "delete all operational profiles",
    "field-test": "delete test profiles that were loaded in the field",
    "default-smdp": "forget the default SM-DP+ address",
    "preloaded-test": "delete pre-loaded test profiles (IoT eUICC)",
    "provisioning": "delete provisioning profiles (IoT eUICC)",
    "eim": "forget all eIMs (IoT eUICC)",
    "immediate-enable": "forget the configuration of immediate profile enabling (IoT eUICC)",
}
"""Options of `euicc reset`, in the order of the bits of resetOptions (SGP.22 5.7.19, SGP.32 5.9.5)."""


class Parser(argparse.ArgumentParser):
    """Reports wrong usage as UsageError, so that it has the same shape as every other error."""

    def error(self, message: str) -> NoReturn:
        command = self.prog.partition(" ")[2]
        raise UsageError(f"{command}: {message}" if command else message, hint=" ".join(self.format_usage().split()))


def build() -> Parser:
    """Make the parser. The namespace has `handler`, "module:function", of the command that was chosen."""
    options = _global_options()
    parser = Parser(
        prog="ipad",
        description="IoT Profile Assistant (GSMA SGP.32): lets an eIM manage the profiles of this device's eUICC.",
        parents=[options],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"ipad {__version__}")
    nouns = parser.add_subparsers(dest="noun", metavar="COMMAND", required=True, parser_class=Parser)
    for add in (
        _add_run,
        _add_euicc,
        _add_profile,
        _add_eim,
        _add_notification,
        _add_modem,
        _add_board,
        _add_policy,
        _add_emergency,
        _add_operation,
        _add_config,
    ):
        add(nouns, options)
    _add_log(nouns, options)
    _add_service(nouns, options)
    _add_observation(nouns, options)
    _add_helper(nouns, options)
    return parser


def _global_options() -> argparse.ArgumentParser:
    # SUPPRESS: an option may stand before or after the command, and the later parser must not reset the former's value.
    options = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    group = options.add_argument_group("global options")
    group.add_argument("--config", metavar="FILE", help="configuration file (default /etc/ipad/ipad.toml)")
    group.add_argument("--modem", metavar="NAME", help="which configured modem, where there are several")
    link = group.add_mutually_exclusive_group()
    link.add_argument("--port", metavar="DEVICE", help="serial port of the modem, in place of the configured one")
    link.add_argument("--card", metavar="pcsc:READER", help="eUICC in a PC/SC reader, in place of a modem")
    group.add_argument("--board", metavar="NAME", help="board or module definition to use")
    group.add_argument("--json", action="store_true", help="print one JSON object")
    group.add_argument("-v", "--verbose", action="count", help="log more: -v information, -vv debugging, -vvv bytes")
    group.add_argument("-q", "--quiet", action="store_true", help="log errors only")
    return options


def _noun(nouns: Any, options: argparse.ArgumentParser, name: str, text: str) -> Any:
    parser = nouns.add_parser(name, help=text, description=text, parents=[options], allow_abbrev=False)
    return parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=Parser)


def _verb(verbs: Any, options: argparse.ArgumentParser, name: str, text: str, handler: str) -> Parser:
    parser: Parser = verbs.add_parser(name, help=text, description=text, parents=[options], allow_abbrev=False)
    parser.set_defaults(handler=f"ipad.cli.{handler}")
    return parser


def _add_run(nouns: Any, options: argparse.ArgumentParser) -> None:
    text = "run the agent in the foreground"
    parser = _verb(nouns, options, "run", text, "run:run")
    parser.add_argument(
        "--once", action="store_true", help="poll every eIM until nothing is queued, deliver all results, and exit"
    )


def _add_euicc(nouns: Any, options: argparse.ArgumentParser) -> None:
    verbs = _noun(nouns, options, "euicc", "the eUICC itself")
    _verb(verbs, options, "info", "show identity, versions and resources", "euicc:info")
    reset = _verb(verbs, options, "reset", "reset the memory of the eUICC, as chosen by options", "euicc:reset")
    for name, text in RESET_FLAGS.items():
        reset.add_argument(f"--{name}", action="store_true", help=text)
    _confirm(reset)


def _add_profile(nouns: Any, options: argparse.ArgumentParser) -> None:
    verbs = _noun(nouns, options, "profile", "profiles on the eUICC")
    _verb(verbs, options, "list", "list the profiles", "profile:list_profiles")
    _with_iccid(_verb(verbs, options, "info", "show one profile", "profile:info"))
    download = _verb(verbs, options, "download", "download a profile from its SM-DP+", "download:download")
    download.add_argument(
        "code",
        metavar="CODE",
        nargs="?",
        help="activation code LPA:1$..., - for stdin; none: default SM-DP+ of the eUICC",
    )
    download.add_argument(
        "--confirmation-code-file", metavar="FILE", help="file with the confirmation code, - for stdin"
    )
    discover = _verb(verbs, options, "discover", "download what an SM-DS announces for this eUICC", "download:discover")
    discover.add_argument("--smds", metavar="ADDRESS", help="this SM-DS, in place of the eUICC's root SM-DS")
    consumer = "(consumer eUICC only; on an IoT eUICC the eIM decides)"
    for name in ("enable", "disable", "delete"):
        parser = _with_iccid(_verb(verbs, options, name, f"{name} a profile {consumer}", f"profile:{name}"))
        if name == "delete":
            _confirm(parser)
    nickname = _with_iccid(_verb(verbs, options, "nickname", f"name a profile {consumer}", "profile:nickname"))
    nickname.add_argument("nickname", help="at most 64 bytes of UTF-8; empty text removes it")


def _add_eim(nouns: Any, options: argparse.ArgumentParser) -> None:
    verbs = _noun(nouns, options, "eim", "eIMs that may manage the eUICC")
    _verb(verbs, options, "list", "list the associated eIMs", "eim:list_eims")
    add = _verb(verbs, options, "add", "associate the first eIM(s) from a file", "eim:add")
    add.add_argument("file", metavar="FILE", help="DER AddInitialEimRequest (SGP.32 5.9.4)")
    _add_poll(verbs, options)


def _add_poll(verbs: Any, options: argparse.ArgumentParser) -> None:
    poll = _verb(verbs, options, "poll", "poll now until nothing is queued, as `ipad run --once` does", "eim:poll")
    poll.add_argument("eim_id", metavar="EIMID", nargs="?", help="only this eIM")


def _add_notification(nouns: Any, options: argparse.ArgumentParser) -> None:
    verbs = _noun(nouns, options, "notification", "notifications and results pending on the eUICC")
    _verb(verbs, options, "list", "list what is pending", "notification:list_notifications")
    _verb(verbs, options, "send", "send what is pending to the eIM", "notification:send")
    remove = _verb(verbs, options, "remove", "remove one without sending it", "notification:remove")
    remove.add_argument("seq", metavar="SEQ", type=int, help="sequence number as listed")


def _add_modem(nouns: Any, options: argparse.ArgumentParser) -> None:
    verbs = _noun(nouns, options, "modem", "the modem")
    _verb(verbs, options, "info", "show identity, SIM, registration and signal", "modem:info")
    command = _verb(verbs, options, "at", "send one AT command and print the answer", "modem:at")
    command.add_argument("command", metavar="COMMAND", help="for example AT+CPIN?")


def _add_board(nouns: Any, options: argparse.ArgumentParser) -> None:
    verbs = _noun(nouns, options, "board", "definitions of modems and gateways")
    _verb(verbs, options, "list", "list the definitions, shipped and local", "board:list_boards")
    show = _verb(verbs, options, "show", "show a definition with all that it inherits", "board:show")
    show.add_argument("name", metavar="NAME", help="name as listed")
    check = _verb(verbs, options, "check", "check a definition in a file", "board:check")
    check.add_argument("file", metavar="FILE", help="TOML file")
    detect = _verb(verbs, options, "detect", "find the modem and the definition that fits it", "board:detect_modem")
    detect.add_argument("--at", action="store_true", help="also ask the modem what it is (AT+CGMI, AT+CGMM)")

    udev = _verb(verbs, options, "udev", "print udev rules for the ports of modems", "udev:rules")
    udev.add_argument("names", metavar="NAME", nargs="*", help="definitions; none: all modems with a USB or PCI id")
    udev.add_argument(
        "--modemmanager",
        choices=("leave", "share", "ignore"),
        default="leave",
        help="ModemManager is told nothing (default), keeps off our AT port, or keeps off the whole modem",
    )
    udev.add_argument("--start", metavar="UNIT", help="unit that systemd starts when the modem appears")


def _add_policy(nouns: Any, options: argparse.ArgumentParser) -> None:
    verbs = _noun(nouns, options, "policy", "the policy that keeps the device online")
    show = _verb(verbs, options, "show", "show every number and rule and where it comes from", "policy:show")
    check = _verb(verbs, options, "check", "check the policy file", "policy:check")
    explain = _verb(verbs, options, "explain", "say in sentences what the device will do", "policy:explain")
    simulate = _verb(verbs, options, "simulate", "dry run on a recorded log of events", "policy:simulate")
    for parser in (show, check, explain, simulate):
        parser.add_argument("--settings", metavar="FILE", help="this policy file, in place of the configured one")
    simulate.add_argument(
        "trace",
        metavar="TRACE",
        nargs="?",
        help="JSON lines as `ipad log` has them, - for stdin; none: the device's",
    )
    simulate.add_argument("--compare", action="store_true", help="show where the log has other decisions")
    _verb(verbs, options, "status", "what the agent waits for and has decided", "service:policy_status")
    _verb(verbs, options, "return", "make the agent leave the fallback profile now", "service:policy_return")
    hints = _verb(verbs, options, "hints", "tell the agent what things cost now", "service:policy_hints")
    hints.add_argument("--metered", action="store_true", help="data is expensive now")
    hints.add_argument("--power", choices=("mains", "battery", "low"), default="mains", help="where energy comes from")


def _add_log(nouns: Any, options: argparse.ArgumentParser) -> None:
    parser = _verb(nouns, options, "log", "print the log of events and decisions", "log:log")
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="a copied log, - for stdin; none: the device's own; the word `follow`: what the agent tells from now on",
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes")
    parser.add_argument("--since", metavar="WHEN", help="an age such as 30m, 2h, 7d, or a time of ISO 8601 (UTC)")
    parser.add_argument("--full", action="store_true", help="show identifiers of cards in full")


def _add_observation(nouns: Any, options: argparse.ArgumentParser) -> None:
    _verb(nouns, options, "status", "show how things stand", "status:status")
    audit = _verb(nouns, options, "audit", "show who changed a profile or an eIM", "audit:audit")
    audit.add_argument("--since", metavar="WHEN", help="an age such as 30m, 2h, 7d, or a time of ISO 8601 (UTC)")
    verbs = _noun(nouns, options, "traffic", "recordings of what goes over the line")
    start = _verb(verbs, options, "start", "make the agent record", "service:traffic_start")
    start.add_argument("--limit", metavar="BYTES", type=int, help="size of the recording, of which the end is kept")
    _verb(verbs, options, "stop", "make the agent stop it", "service:traffic_stop")
    show = _verb(verbs, options, "show", "print a recording", "traffic:show")
    show.add_argument("file", metavar="FILE", help="for example /run/ipad/traffic.jsonl")
    for parser in (audit, show):
        parser.add_argument("--full", action="store_true", help="show identifiers of cards in full")


def _add_service(nouns: Any, options: argparse.ArgumentParser) -> None:
    _add_poll(nouns, options)
    _verb(nouns, options, "metrics", "print the metrics of the agent (Prometheus)", "service:metrics")
    _verb(nouns, options, "reload", "make the agent read its configuration again", "service:reload")


def _add_emergency(nouns: Any, options: argparse.ArgumentParser) -> None:
    verbs = _noun(nouns, options, "emergency", "the emergency profile of the eUICC, where it has one")
    _verb(verbs, options, "enable", "enable it; no eIM is contacted until it is disabled", "service:emergency_enable")
    _verb(verbs, options, "disable", "disable it", "service:emergency_disable")


def _add_operation(nouns: Any, options: argparse.ArgumentParser) -> None:
    verbs = _noun(nouns, options, "operation", "what was asked of the agent")
    _verb(verbs, options, "list", "list the last operations", "service:operation_list")
    cancel = _verb(verbs, options, "cancel", "end one, waiting or running", "service:operation_cancel")
    cancel.add_argument("number", metavar="NUMBER", help="as listed")


def _add_config(nouns: Any, options: argparse.ArgumentParser) -> None:
    verbs = _noun(nouns, options, "config", "the configuration")
    _verb(verbs, options, "check", "check the configuration file", "config:check")
    _verb(verbs, options, "show", "show every setting and where it comes from", "config:show")
    uci = _verb(verbs, options, "from-uci", "print a UCI configuration (OpenWrt) as TOML", "uci:from_uci")
    uci.add_argument("file", metavar="FILE", help="for example /etc/config/ipad")


def _add_helper(nouns: Any, options: argparse.ArgumentParser) -> None:
    text = "run the privileged helper (started by ipad-helper.socket)"
    parser = _verb(nouns, options, "helper", text, "helper:helper")
    parser.add_argument("--listen", metavar="PATH", help="make this socket, where no service manager passes one")
    parser.add_argument("--user", metavar="NAME", default="ipad", help="who may ask beside root (default ipad)")


def _with_iccid(parser: Parser) -> Parser:
    parser.add_argument("iccid", metavar="ICCID", help="18 to 20 digits")
    return parser


def _confirm(parser: Parser) -> None:
    parser.add_argument("--yes", action="store_true", help="do it without asking; needed because it cannot be undone")
