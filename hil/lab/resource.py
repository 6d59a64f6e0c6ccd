"""What a bench knows of a gateway's modem and eUICC: a resource without behaviour, local or from an exporter."""

from __future__ import annotations

from typing import Any

import attr
from labgrid import target_factory
from labgrid.resource.common import Resource


def _digits(*lengths: int) -> Any:
    """A validator for digits in text. YAML makes numbers of digits without quotes."""

    def check(resource: object, attribute: Any, value: object) -> None:
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) in lengths:
            return
        wanted = " or ".join(map(str, lengths))
        place = f"{type(resource).__name__}.{attribute.name}"
        raise ValueError(f"{place}: expected {wanted} digits in quotes, found {value!r}")

    return check


@target_factory.reg_resource
@attr.s(eq=False)
class IpadModemInfo(Resource):
    """A modem with an eUICC.

    board: name of the board definition. eid: the eUICC that the suite may work on, 32 digits. spare_iccid: a profile
    that tests may switch to, 18 to 20 digits; a padding F is not written.
    """

    board: str = attr.ib(validator=attr.validators.instance_of(str))
    eid: str | None = attr.ib(default=None, validator=attr.validators.optional(_digits(32)))
    spare_iccid: str | None = attr.ib(default=None, validator=attr.validators.optional(_digits(18, 19, 20)))
