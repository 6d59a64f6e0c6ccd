"""The data bearer: attach, active contexts and their addresses (3GPP TS 27.007 10.1.9, 10.1.10, 10.1.14, 10.1.23)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from ipad.modem.fields import at, number, split_fields, split_prefix, unquote
from ipad.records import dataclass

if TYPE_CHECKING:
    import ipaddress

    Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class ContextParameters:
    """One line of +CGCONTRDP: a context has one for each IP family."""

    cid: int
    apn: str
    addresses: tuple[Address, ...]
    mask: str | None
    gateway: Address | None
    dns: tuple[Address, ...]


def parse_cgatt(lines: Iterable[str]) -> bool | None:
    """Whether the modem is attached to packet service; None when it does not say."""
    for line in lines:
        prefix, value = split_prefix(line)
        if prefix == "+CGATT":
            state = number(value)
            return None if state is None else state == 1
    return None


def parse_cgact(lines: Iterable[str]) -> tuple[int, ...]:
    """The contexts that are active."""
    active: list[int] = []
    for line in lines:
        prefix, value = split_prefix(line)
        fields = split_fields(value)
        cid = number(at(fields, 0))
        if prefix == "+CGACT" and cid is not None and number(at(fields, 1)) == 1:
            active.append(cid)
    return tuple(active)


def parse_cgpaddr(lines: Iterable[str]) -> dict[int, tuple[Address, ...]]:
    """The addresses of each context; unspecified ones are left out."""
    found: dict[int, tuple[Address, ...]] = {}
    for line in lines:
        prefix, value = split_prefix(line)
        fields = split_fields(value)
        cid = number(at(fields, 0))
        if prefix == "+CGPADDR" and cid is not None:
            addresses = [address for field in fields[1:] for address in parse_addresses(field)]
            found[cid] = (*found.get(cid, ()), *addresses)
    return found


def parse_cgcontrdp(line: str) -> ContextParameters | None:
    """Read one line. Only fields 3 and 4 carry addresses; a DNS server must never be taken for one."""
    prefix, value = split_prefix(line)
    fields = split_fields(value)
    cid = number(at(fields, 0))
    if prefix != "+CGCONTRDP" or cid is None:
        return None
    address = at(fields, 3)
    addresses, mask = _with_mask(address)
    rest = fields[4:]
    if addresses and mask is None and rest and _is_mask(unquote(rest[0])):
        mask, rest = unquote(rest[0]), rest[1:]
    gateway = parse_addresses(rest[0]) if rest else ()
    return ContextParameters(
        cid=cid,
        apn=at(fields, 2) or "",
        addresses=addresses,
        mask=mask,
        gateway=gateway[0] if gateway else None,
        dns=tuple(server for field in rest[1:3] for server in parse_addresses(field)),
    )


def parse_addresses(field: str) -> tuple[Address, ...]:
    """The addresses of a field: IPv4, IPv6 in colon form or as 16 decimal numbers, several parted by blanks."""
    addresses: list[Address] = []
    for text in unquote(field).split():
        address = _address(text)
        if address is not None and not address.is_unspecified:
            addresses.append(address)
    return tuple(addresses)


def _with_mask(field: str | None) -> tuple[tuple[Address, ...], str | None]:
    """Part address and mask that stand in one field: 8 numbers for IPv4, 32 for IPv6."""
    numbers = (field or "").split(".")
    if len(numbers) in (8, 32):
        half = len(numbers) // 2
        return parse_addresses(".".join(numbers[:half])), ".".join(numbers[half:])
    return parse_addresses(field or ""), None


def _is_mask(text: str) -> bool:
    numbers = text.split(".")
    return numbers[0] == "255" and len(numbers) in (4, 16)


def _address(text: str) -> Address | None:
    import ipaddress  # noqa: PLC0415 - 300 kB that a modem without a data link of ours does without

    numbers = text.split(".")
    if len(numbers) == 16:
        values = [number(part) for part in numbers]
        octets = [value for value in values if value is not None and 0 <= value <= 255]
        return ipaddress.IPv6Address(bytes(octets)) if len(octets) == 16 else None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
