"""`ipad board`: definitions of modems and gateways, and which of them fits this machine."""

from __future__ import annotations

from pathlib import Path

from ipad.board import GENERIC, Board, BoardLibrary, Candidate, Facts
from ipad.board.detection import Detection, FoundModem, detect, facts_of
from ipad.board.location import two_modems
from ipad.board.sysfs import ROOT, Device
from ipad.cli.invocation import Invocation
from ipad.cli.output import Report
from ipad.clock import SystemClock
from ipad.config import flatten
from ipad.daemon.identification import ask_identity
from ipad.daemon.link import board_library
from ipad.errands.envelope import Json
from ipad.errors import NotFoundError, PortError
from ipad.records import fields, is_dataclass, replace
from ipad.toml import dotted


async def list_boards(_call: Invocation) -> Report:
    """All definitions with what they are worth."""
    library = board_library()
    rows = [_summary(library, library.load(name)) for name in library.names()]
    return Report({"boards": rows}, tables={"boards": ("name", "kind", "title", "confidence", "module", "file")})


async def show(call: Invocation) -> Report:
    """Every key of one definition and where its value comes from."""
    library = board_library()
    board = library.load(call.args.name)
    settings: list[Json] = [
        {"key": dotted(keys), "value": plain(value), "origin": library.origin(board.name, keys) or "default"}
        for keys, value in flatten(board)
    ]
    files: list[Json] = [str(path) for path in library.chain(board.name)]
    return Report(
        {**_summary(library, board), "source": board.source, "files": files, "settings": settings},
        tables={"settings": ("key", "value", "origin")},
    )


async def check(call: Invocation) -> Report:
    """A file that may lie anywhere: it is read as it would be from the folder of definitions."""
    path = Path(call.args.file)
    board = board_library().check(path)
    return Report(
        {"file": str(path), "name": board.name, "kind": board.kind, "valid": True},
        notes=(f"{path}: the definition {board.name} is valid",),
        notes_only=True,
    )


async def detect_modem(call: Invocation) -> Report:
    """The modem, its definition, and why. Raises NotFoundError, PortError, and ConfigError when two modems match."""
    library = board_library()
    found = detect(library, ROOT)
    port = _wanted_port(call)
    modem = _choose(found, port)
    if modem is None and port:
        return await _by_dialogue_alone(library, found, port)
    if modem is None:
        raise _nothing(found)
    candidates, board, identity = modem.candidates, modem.board, None
    if call.args.at:
        if not modem.at_ports:
            raise PortError(f"{modem.label}; nobody can be asked", hint=" ".join(modem.hints) or None)
        identity = await ask_identity(port or modem.at_ports[0], library, SystemClock())
        known = facts_of(modem.device)
        candidates = library.candidates(replace(identity, usb=known.usb, pci=known.pci)) or candidates
        if candidates[0].name not in (board.name, board.module):
            board = library.load(candidates[0].name)
    return _report(found, board, candidates, modem=modem, port=port, identity=identity)


async def _by_dialogue_alone(library: BoardLibrary, found: Detection, port: str) -> Report:
    """A port that is on no bus that can be searched: a UART, a socket."""
    identity = await ask_identity(port, library, SystemClock())
    candidates = library.candidates(identity)
    name = candidates[0].name if candidates else GENERIC
    gateway = found.gateways[0].name if found.gateways else ""
    board = library.load(gateway, module=name) if gateway else library.load(name)
    return _report(found, board, candidates, port=port, identity=identity)


def _wanted_port(call: Invocation) -> str:
    """The port of --port or of the only configured modem."""
    modems = tuple(call.config.modems.values())
    return modems[0].port if len(modems) == 1 else ""


def _choose(found: Detection, port: str) -> FoundModem | None:
    if port:
        tty = Path(port).resolve().name
        owners = (modem for modem in found.modems if tty in (*modem.device.ttys, *modem.device.wwan_at))
        return next(owners, None)
    if len(found.modems) > 1:
        raise two_modems("this machine", [modem.label for modem in found.modems])
    return found.modems[0] if found.modems else None


def _nothing(found: Detection) -> NotFoundError | PortError:
    if found.broken:
        return PortError(
            f"{found.broken[0].label} is a modem in emergency download mode: its firmware is broken, it has no AT port",
            transient=False,
        )
    devices = "; ".join(f"{device.label} with {', '.join(device.ttys or device.wwan_at)}" for device in found.unknown)
    return NotFoundError(
        "there is no modem that a definition fits",
        hint=f"devices with serial ports: {devices}" if devices else "there is no device with serial ports either",
    )


def _report(
    found: Detection,
    board: Board,
    candidates: tuple[Candidate, ...],
    *,
    modem: FoundModem | None = None,
    port: str = "",
    identity: Facts | None = None,
) -> Report:
    chosen = candidates[0] if candidates else Candidate(GENERIC, ())
    ports: list[Json] = list(modem.at_ports) if modem is not None else [port]
    names: list[Json] = list(found.host)
    also: list[Json] = [_candidate(candidate) for candidate in candidates[1:]]
    return Report(
        {
            "board": board.name,
            "kind": board.kind,
            "module": board.module or None,
            "title": board.title,
            "confidence": board.confidence,
            "score": chosen.score,
            "reasons": list(chosen.reasons),
            "port": port or (ports[0] if ports else None),
            "ports": ports,
            "ppp_port": modem.ppp_port if modem is not None else None,
            "networks": list(modem.networks) if modem is not None else [],
            "device": _device(modem.device) if modem is not None else None,
            "identity": _identity(identity),
            "hints": list(modem.hints) if modem is not None else [],
            "host": names,
            "gateways": [_candidate(gateway) for gateway in found.gateways],
            "also": also,
            "unknown": [_device(device) for device in found.unknown],
        },
        tables={
            "gateways": ("name", "reasons"),
            "also": ("name", "score", "reasons"),
            "unknown": ("bus", "path", "id", "product", "ttys"),
        },
    )


def _candidate(candidate: Candidate) -> dict[str, Json]:
    return {"name": candidate.name, "score": candidate.score, "reasons": list(candidate.reasons)}


def _device(device: Device) -> dict[str, Json]:
    return {
        "bus": device.bus,
        "path": device.path,
        "id": device.id,
        "manufacturer": device.manufacturer or None,
        "product": device.product or None,
        "ttys": list(device.ttys or device.wwan_at),
    }


def _identity(identity: Facts | None) -> dict[str, Json] | None:
    if identity is None:
        return None
    return {"manufacturer": identity.manufacturer, "model": identity.model, "revision": identity.firmware}


def _summary(library: BoardLibrary, board: Board) -> dict[str, Json]:
    return {
        "name": board.name,
        "kind": board.kind,
        "title": board.title,
        "confidence": board.confidence,
        "module": board.module or None,
        "personality": board.personality or None,
        "file": str(library.path(board.name)),
    }


def plain(value: object) -> Json:
    """A value of a definition as JSON: octets as hexadecimal digits, records as objects."""
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    assert value is None or isinstance(value, (bool, int, float, str))
    return value
