"""The import contract: arrows go down, third-party libraries stay behind their fence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOUNDATION = {"records"}
"""What every module may use."""

PURE = {"chance", "codec", "apdu", "endings", "errors", "ids", "clock"}
# What each package or module of ipad may import of ipad, besides itself.
ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "records": {"shared_methods"},
    "shared_methods": set(),
    "ids": {"errors"},
    "chance": set(),
    "clock": set(),
    "endings": {"errors"},
    "codec": {"errors"},
    "apdu": {"errors"},
    "board": {"errors", "toml"},
    "addresses": set(),
    "config": {"addresses", "errors", "ids", "toml", "bearer"},
    "toml": {"credentials", "errors"},
    "credentials": set(),
    "uci": {"config", "errors", "toml"},
    "helper": {"board", "clock", "config", "errors", "net", "toml"},
    "modem": PURE | {"board", "helper"},
    "card": PURE | {"board", "modem"},
    "bearer": PURE | {"board", "helper", "modem", "toml"},
    "es10": PURE,
    "es9": PURE | {"net"},
    "net": PURE,
    "esipa": PURE | {"net"},
    "policy": {"errors", "ids", "toml"},
    "state": PURE,
    "procedures": PURE | {"es10", "es9", "esipa", "policy", "state"},
    "observe": PURE | {"net", "policy", "procedures"},
    "daemon": PURE
    | {
        "addresses",
        "observe",
        "board",
        "config",
        "helper",
        "modem",
        "card",
        "bearer",
        "es10",
        "es9",
        "net",
        "esipa",
        "policy",
        "state",
        "procedures",
        "toml",
    },
    "errands": PURE | {"card", "config", "daemon", "es10", "modem", "net", "observe", "policy", "procedures", "state"},
    "control": PURE | {"config", "daemon", "errands", "net", "observe", "policy", "procedures"},
    "cli": PURE
    | {
        "board",
        "config",
        "control",
        "daemon",
        "errands",
        "helper",
        "uci",
        "observe",
        "policy",
        "procedures",
        "state",
        "toml",
    },
}
FENCES = {
    "serial": {"modem/serial.py"},
    "smartcard": {"card/pcsc.py"},
    "h11": {"net/http_exchange.py", "net/http_service.py"},
    "cbor2": set(),
    "ssl": {"net/tls.py", "net/tls_context.py", "net/tls_server.py", "net/http.py"},
    "OpenSSL": {"net/dtls_server.py"},
    "ctypes": {"net/libssl.py", "net/clock_trust.py", "net/openssl.py", "net/signatures.py", "daemon/program_pages.py"},
    "_ssl": {"net/openssl.py"},
    "aiocoap": {"net/coap.py", "net/coap_server.py", "net/coap_transport.py"},
    "jeepney": {"bearer/bus.py"},
    "cryptography": set(),
    "asn1tools": set(),
    "labgrid": set(),
    "hil": set(),
}
OF_LABGRID = {"labgrid", "attr", "pexpect", "hil.lab"}
NO_ASYNCIO = ("policy", "codec", "apdu")


def modules(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if "boards" not in path.parts)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        yield from imported(node)


def imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative import"
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def unit(path: Path) -> str:
    return path.relative_to(ROOT / "ipad").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules("ipad"), ids=lambda path: str(path.relative_to(ROOT)))
def test_agent_module_imports_only_downwards(path: Path) -> None:
    own = unit(path)
    if own in ("__init__", "__main__"):
        return
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "ipad" and rest:
            target = rest.split(".")[0]
            if target != own and target != "__version__":
                assert target in ALLOWED[own] | FOUNDATION, f"{own} must not import {target}"


@pytest.mark.parametrize("path", modules("ipad"), ids=lambda path: str(path.relative_to(ROOT)))
def test_agent_keeps_third_party_libraries_behind_their_fence(path: Path) -> None:
    place = str(path.relative_to(ROOT / "ipad"))
    for name in imports(path):
        top = name.split(".")[0]
        if top in FENCES:
            assert place in FENCES[top], f"{place} imports {top}"
        if top == "asyncio":
            assert unit(path) not in NO_ASYNCIO, f"{place} imports asyncio"


COAP = {
    "ipad.net.dtls",
    "ipad.net.association",
    "ipad.net.coap",
    "ipad.net.dtls_server",
    "ipad.net.coap_server",
    "ipad.esipa.coap_binding",
}
COAP_PLACES = {
    "net/association.py",
    "net/coap.py",
    "net/dtls_server.py",
    "net/coap_server.py",
    "esipa/coap_binding.py",
}


@pytest.mark.parametrize("path", modules("ipad"), ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_loads_coaps_at_its_own_import(path: Path) -> None:
    if str(path.relative_to(ROOT / "ipad")) in COAP_PLACES:
        return
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        assert not [name for name in imported(node) if name in COAP or name.rpartition(".")[0] in COAP]


@pytest.mark.parametrize("path", modules("hil"), ids=lambda path: str(path.relative_to(ROOT)))
def test_bench_never_imports_the_agent(path: Path) -> None:
    assert not [name for name in imports(path) if name.split(".")[0] == "ipad"]


@pytest.mark.parametrize("path", modules("hil"), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_lab_knows_of_labgrid(path: Path) -> None:
    if path.is_relative_to(ROOT / "hil" / "lab"):
        return
    for name in imports(path):
        assert not OF_LABGRID & {name.split(".")[0], ".".join(name.split(".")[:2])}, f"{path} imports {name}"
