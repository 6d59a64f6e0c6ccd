"""`ipad-hil smdp` and `ipad-hil smds`: arguments and what they do."""

import argparse
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from hil.cli.client import ControlClient, ControlError
from hil.cli.show import print_json, print_line
from hil.eim.tls import Leaf
from hil.rsp.faults import FaultKind

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it
Action = Callable[[ControlClient, Namespace], int]


def add_rsp(commands: "Commands[argparse.ArgumentParser]", control: argparse.ArgumentParser) -> None:
    """The commands `smdp` and `smds`."""
    smdp = commands.add_parser("smdp", help="the virtual SM-DP+").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    _add_order(smdp.add_parser("order", parents=[control], help="order a profile"))
    listing = smdp.add_parser("list", parents=[control], help="orders and their states")
    listing.add_argument("--json", action="store_true", help="as JSON")
    for name, text in (("release", "let an order be downloaded (again)"), ("remove", "forget an order")):
        smdp.add_parser(name, parents=[control], help=text).add_argument(
            "number", type=int, help="of the order, as listed"
        )
    smdp.add_parser("reports", parents=[control], help="installation results and notifications that arrived")
    smds = commands.add_parser("smds", help="the virtual SM-DS").add_subparsers(
        dest="verb", required=True, metavar="VERB"
    )
    event = smds.add_parser("event", parents=[control], help="register an event")
    event.add_argument("event_id", metavar="EVENT", help="its EventID")
    event.add_argument("--eid", help="of another eUICC than the rig's")
    event.add_argument("--address", help="of another SM-DP+ than the rig's")
    listing = smds.add_parser("list", parents=[control], help="events")
    listing.add_argument("--json", action="store_true", help="as JSON")
    smds.add_parser("remove", parents=[control], help="delete an event").add_argument(
        "event_id", metavar="EVENT", help="its EventID"
    )
    for verbs in (smdp, smds):
        _add_disturbance(verbs, control)


def _add_order(order: argparse.ArgumentParser) -> None:
    order.add_argument("--matching-id", metavar="TOKEN", help="default: made up, or none with --eid")
    order.add_argument("--upp", type=Path, metavar="FILE", help="unprotected profile package (DER) from elsewhere")
    order.add_argument("--unchecked", action="store_true", help="take a package that eUICCs refuse")
    profile = order.add_argument_group("package made by the rig")
    profile.add_argument("--iccid", help="default: made up, as is the IMSI")
    profile.add_argument("--imsi", help="default: made up")
    profile.add_argument("--mnc-length", type=int, choices=(2, 3), help="digits of the MNC (2)")
    profile.add_argument("--provider", metavar="NAME", help="service provider name")
    profile.add_argument("--size", type=int, metavar="BYTES", help="make the package as large as this")
    profile.add_argument("--key", metavar="HEX", help="K of Milenage")
    profile.add_argument("--opc", metavar="HEX", help="OPc of Milenage")
    metadata = order.add_argument_group("metadata")
    metadata.add_argument("--name", metavar="TEXT", help="profileName")
    metadata.add_argument(
        "--class", dest="profile_class", choices=("test", "provisioning", "operational"), help="profileClass"
    )
    metadata.add_argument("--owner", metavar="PLMN", help="profileOwner, needed with --ppr")
    metadata.add_argument("--ppr", action="append", choices=("ppr1", "ppr2"), help="profile policy rule")
    terms = order.add_argument_group("terms")
    terms.add_argument("--eid", help="bind it to an EID; `card` is the one of the rig")
    terms.add_argument("--confirmation-code", metavar="CODE", help="that the download needs")
    terms.add_argument("--code-limit", type=int, metavar="N", help="wrong confirmation codes (3)")
    terms.add_argument("--download-limit", type=int, metavar="N", help="attempts (10)")
    terms.add_argument("--expires-in", type=int, metavar="SECONDS", help="lifetime of the order (default: no end)")
    terms.add_argument("--protection-keys", action="store_true", help="bind with ReplaceSessionKeys")
    terms.add_argument("--no-rebinding", action="store_true", help="bind once only")
    terms.add_argument("--event", action="store_true", help="tell the SM-DS")
    terms.add_argument("--unreleased", action="store_true", help="wait for `smdp release`")


def _add_disturbance(verbs: "Commands[argparse.ArgumentParser]", control: argparse.ArgumentParser) -> None:
    fault = verbs.add_parser("fault", parents=[control], help="break exchanges, or fail with a status code")
    fault.add_argument(
        "kind", metavar="KIND", help=f"{', '.join(FaultKind)}, clear, list, or a status code such as 8.2.6/3.8"
    )
    fault.add_argument("--function", default="any", help="such as getBoundProfilePackage")
    fault.add_argument("--times", type=int, default=1, help="how often; 0: until cleared")
    fault.add_argument("--after", type=int, default=0, help="let so many pass first")
    fault.add_argument("--value", type=int, default=0, help="status, size or difference")
    fault.add_argument("--seconds", type=float, default=0.0, help="delay or pause")
    fault.add_argument("--text", default="", help="of the fault: NAME=VALUE, body, status code")
    leaf = verbs.add_parser("tls", parents=[control], help="show another TLS certificate")
    leaf.add_argument("leaf", choices=[leaf.value for leaf in Leaf])
    knob = verbs.add_parser("knob", parents=[control], help="show or turn knobs: NAME=VALUE")
    knob.add_argument("settings", nargs="*", metavar="NAME=VALUE", help="what to turn; none: show all")


def _order(client: ControlClient, options: Namespace) -> int:
    order = client.post("/smdp/orders", _order_body(client, options))
    print_line(f"{order['number']} {order['activationCode'] or 'bound to ' + str(order['eid'])}")
    return 0


def _order_body(client: ControlClient, options: Namespace) -> dict[str, Any]:
    eid = options.eid
    if eid == "card":
        eid = client.get("/card")["eid"]
    profile = {
        "iccid": options.iccid,
        "imsi": options.imsi,
        "mncLength": options.mnc_length,
        "serviceProviderName": options.provider,
        "size": options.size,
        "key": options.key,
        "opc": options.opc,
    }
    metadata = {
        "profileName": options.name,
        "profileClass": options.profile_class,
        "owner": options.owner,
        "policyRules": options.ppr,
    }
    body: dict[str, Any] = {
        "matchingId": options.matching_id,
        "metadata": _given(metadata),
        "eid": eid,
        "confirmationCode": options.confirmation_code,
        "codeLimit": options.code_limit,
        "downloadLimit": options.download_limit,
        "expiresIn": options.expires_in,
        "protectionKeys": options.protection_keys,
        "rebinding": not options.no_rebinding,
        "event": options.event,
        "released": not options.unreleased,
        "unchecked": options.unchecked,
    }
    if options.upp is None:
        body["profile"] = _given(profile)
    elif _given(profile):
        raise ControlError("a package from a file has its own profile data")
    else:
        body["upp"] = _content(options.upp)
    return _given(body)


def _content(path: Path) -> str:
    try:
        return path.read_bytes().hex()
    except OSError as error:
        raise ControlError(f"{path}: {error.strerror}") from error


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _orders(client: ControlClient, options: Namespace) -> int:
    found = client.get("/smdp/orders")
    if options.json:
        return print_json(found)
    for order in found["orders"]:
        code = order["activationCode"] or f"for {order['eid']}"
        print_line(
            f"{order['number']:>4}  {order['state']:<10}  {order['size']:>7}  {order['iccid']:<20}  "
            f"{order['profileName']:<20}  {code}"
        )
    return 0


def _release(client: ControlClient, options: Namespace) -> int:
    client.post(f"/smdp/orders/{options.number}/release")
    return 0


def _remove(client: ControlClient, options: Namespace) -> int:
    client.delete(f"/smdp/orders/{options.number}")
    return 0


def _reports(client: ControlClient, _options: Namespace) -> int:
    return print_json(client.get("/smdp/reports"))


def _event(client: ControlClient, options: Namespace) -> int:
    client.post("/smds/events", _given({"eventId": options.event_id, "eid": options.eid, "address": options.address}))
    return 0


def _events(client: ControlClient, options: Namespace) -> int:
    found = client.get("/smds/events")
    if options.json:
        return print_json(found)
    for event in found["events"]:
        print_line(f"{event['event_id']:<20}  {event['eid']}  {event['address']}")
    return 0


def _remove_event(client: ControlClient, options: Namespace) -> int:
    client.delete(f"/smds/events/{options.event_id}")
    return 0


def _fault(client: ControlClient, options: Namespace) -> int:
    path = f"/{options.command}/faults"
    if options.kind == "clear":
        return print_json(client.delete(path))
    if options.kind == "list":
        return print_json(client.get(path))
    kind, text = options.kind, options.text
    if "/" in kind:
        kind, text = FaultKind.FAILED.value, kind
    members = {name: getattr(options, name) for name in ("function", "after", "value", "seconds")}
    return print_json(client.post(path, {**members, "kind": kind, "text": text, "times": options.times or None}))


def _tls(client: ControlClient, options: Namespace) -> int:
    client.post(f"/{options.command}/tls", {"leaf": options.leaf})
    return 0


ACTIONS: Final[dict[tuple[str, str | None], Action]] = {
    ("smdp", "order"): _order,
    ("smdp", "list"): _orders,
    ("smdp", "release"): _release,
    ("smdp", "remove"): _remove,
    ("smdp", "reports"): _reports,
    ("smdp", "fault"): _fault,
    ("smdp", "tls"): _tls,
    ("smds", "event"): _event,
    ("smds", "list"): _events,
    ("smds", "remove"): _remove_event,
    ("smds", "fault"): _fault,
    ("smds", "tls"): _tls,
}
