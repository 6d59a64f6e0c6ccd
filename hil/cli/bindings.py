"""`ipad-hil eim tls`, `eim coap` and `eim inject`: arguments and what they do."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hil.cli.client import ControlClient, ControlError
from hil.cli.rsp import Commands
from hil.cli.settings import setting
from hil.cli.show import print_json, print_line
from hil.eim import EimProtocol
from hil.eim.knobs import BindingName, EimVersion
from hil.eim.tls import Leaf, TlsKnobs, TlsVersion
from hil.rig.injection import ClientCertificate

Action = Callable[[ControlClient, Namespace], int]

_FAILED: Final = 1


def add_eim_options(rig: argparse.ArgumentParser) -> None:
    """The options of `rig` about the bindings of its eIMs."""
    rig.add_argument(
        "--eim-protocol",
        type=_protocols,
        default=(EimProtocol.HTTPS,),
        metavar="NAME,...",
        help=f"eimSupportedProtocol: {', '.join(EimProtocol)} (default: https); both are always served",
    )
    versions = [version.value for version in EimVersion]
    rig.add_argument(
        "--eim-version",
        type=EimVersion,
        choices=list(EimVersion),
        default=EimVersion.V1_2,
        help=(f"SGP.32 version of the eIMs: {', '.join(versions)}"),
    )
    rig.add_argument(
        "--tls-max",
        type=TlsVersion,
        choices=list(TlsVersion),
        default=TlsVersion.V1_3,
        help="highest TLS version of the eIMs",
    )
    rig.add_argument(
        "--tls-tickets",
        type=_tickets,
        default=2,
        metavar="N",
        help="tickets after each handshake; 0: no session tickets",
    )


def add_bindings(eim: Commands[argparse.ArgumentParser], common: argparse.ArgumentParser) -> None:
    """The verbs of `eim` about how it is reached."""
    tls = eim.add_parser("tls", parents=[common], help="show another TLS certificate; options of TLS")
    tls.add_argument("leaf", nargs="?", choices=[leaf.value for leaf in Leaf], help="for HTTPS and CoAPS")
    tls.add_argument("--max", dest="maximum", choices=[version.value for version in TlsVersion], help="of HTTPS")
    tls.add_argument("--tickets", type=int, metavar="N", help="NewSessionTickets after a handshake of TLS 1.3")
    tls.add_argument("--session-tickets", choices=["on", "off"], help="whether there are tickets at all")
    tls.add_argument("--forget", action="store_true", help="resume no session of before")
    coap = eim.add_parser("coap", parents=[common], help="show or turn knobs of CoAP and DTLS: NAME=VALUE")
    coap.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="what to turn; none: show all")
    coap.add_argument("--refuse", metavar="CODE", help="answer this error, such as 5.03; 'clear': no more")
    coap.add_argument("--max-age", type=int, metavar="S", help="Max-Age of the refusal")
    coap.add_argument("--times", type=int, default=1, help="refuse so often; 0: until cleared")
    coap.add_argument("--after", type=int, default=0, help="let so many requests pass first")
    coap.add_argument(
        "--end",
        choices=["sessions", "associations", "close"],
        help="resume no session of before; drop associations too, without a word; or end them with close_notify",
    )
    inject = eim.add_parser("inject", parents=[common], help="send what is queued to the server of an IPA")
    inject.add_argument("url", metavar="URL", help="https://HOST:PORT or coaps://HOST:PORT")
    names = [name.value for name in BindingName]
    inject.add_argument("--binding", choices=names, help="default: as the URL suggests, asn1 for https")
    inject.add_argument("--ca", type=Path, metavar="FILE", help="PEM for the IPA's certificate (default: any will do)")
    inject.add_argument("--client", choices=[one.value for one in ClientCertificate], default="own", help="to show")
    inject.add_argument("--all", action="store_true", help="until nothing is queued or one fails")
    inject.add_argument("--timeout", type=float, default=60.0, metavar="S", help="of each request")
    inject.add_argument("--json", action="store_true", help="outcomes as JSON")


def _tickets(text: str) -> int:
    try:
        return TlsKnobs(tickets=int(text)).tickets
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _protocols(text: str) -> tuple[EimProtocol, ...]:
    try:
        return tuple(EimProtocol(name) for name in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a list of {', '.join(EimProtocol)}") from None


def _tls(client: ControlClient, options: Namespace) -> int:
    path = f"/eim/{options.eim}/tls"
    tickets = None if options.session_tickets is None else options.session_tickets == "on"
    changes = {
        "leaf": options.leaf,
        "maximum": options.maximum,
        "tickets": options.tickets,
        "session_tickets": tickets,
        "forget": options.forget or None,
    }
    given = _given(changes)
    if not given:
        return print_json(client.get(path))
    client.post(path, given)
    return 0


def _coap(client: ControlClient, options: Namespace) -> int:
    path = f"/eim/{options.eim}/coap"
    if options.refuse == "clear":
        client.delete(f"{path}/refusals")
    elif options.refuse is not None:
        refusal = {"code": options.refuse, "after": options.after, "max_age": options.max_age}
        client.post(f"{path}/refusals", {**refusal, "times": options.times or None})
    if options.end is not None:
        client.post(f"{path}/end", {"what": options.end})
    settings = dict(setting(text) for text in options.settings)
    if settings:
        return print_json(client.post(path, settings))
    return 0 if options.refuse or options.end else print_json(client.get(path))


def _inject(client: ControlClient, options: Namespace) -> int:
    order = {
        "url": options.url,
        "binding": options.binding,
        "anchors": None if options.ca is None else _text(options.ca),
        "client": options.client,
        "all": options.all,
        "timeout": options.timeout,
    }
    outcomes = client.post(f"/eim/{options.eim}/inject", _given(order))["outcomes"]
    if options.json:
        print_json({"outcomes": outcomes})
    else:
        for outcome in outcomes:
            print_line(_line(outcome))
    # With --all the last one found nothing left, or failed.
    done = all(outcome["ok"] for outcome in outcomes[:-1]) and (
        outcomes[-1]["ok"] or (len(outcomes) > 1 and outcomes[-1]["end"] == "nothing")
    )
    return 0 if done else _FAILED


def _line(outcome: dict[str, Any]) -> str:
    words = ["" if outcome["package"] is None else f"{outcome['package']:>4}", f"{outcome['end']:<13}"]
    words.append(outcome["status"])
    if outcome["error"] is not None:
        words.append(f"eimPackageError {outcome['error']}")
    if outcome["retry_after"] is not None:
        words.append(f"again in {outcome['retry_after']:g} s")
    words.append(outcome["detail"])
    if outcome["verified"] is not None:
        words.append("verified" if outcome["verified"] else "NOT VERIFIED")
    if outcome["acknowledged"]:
        words.append("acknowledged " + " ".join(map(str, outcome["acknowledged"])))
    return "  ".join(word for word in words if word).rstrip()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ControlError(f"{path}: {error}") from error


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


BINDING_ACTIONS: Final[dict[tuple[str, str | None], Action]] = {
    ("eim", "tls"): _tls,
    ("eim", "coap"): _coap,
    ("eim", "inject"): _inject,
}
