"""What an operator asks an eIM to queue, as plain JSON: the form of the control API and of `ipad-hil eim queue`.

    {"type": "psmo", "commands": [{"command": "enable", "iccid": "8949...", "rollback": true}], "faults": {...}}
    {"type": "eco", "commands": [{"command": "addEim", "eim": "eim2"}]}
    {"type": "data", "tags": ["A0", "BF22"]}
    {"type": "trigger", "activationCode": "1$..."}
    {"type": "raw", "hex": "BF6F00"}

Commands have the names of SGP.32 (Psmo, Eco). An unknown key is an error with its place.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from hil.eim import content
from hil.eim.association import SigningFaults
from hil.eim.content import Command, Content
from hil.json_fields import FieldError, Fields


class Order(NamedTuple):
    """A content and the mistakes to sign it with."""

    content: Content
    faults: SigningFaults


Configurations = Callable[[str], bytes]
"""EimConfigurationData (DER) of an eIM of the rig by its name; KeyError for an unknown one."""


def read_order(value: object, configurations: Configurations) -> Order:
    """An order from JSON. Raises FieldError."""
    fields = Fields(value, "order")
    kind = fields.take("type", str, required=True)
    faults = _faults(fields.take("faults", dict, {}))
    match kind:
        case "psmo" | "eco":
            listed = fields.take("commands", list, required=True)
            commands = [_command(item, f"order.commands[{n}]", configurations) for n, item in enumerate(listed)]
            made = (content.psmo_package if kind == "psmo" else content.eco_package)(*commands)
        case "data":
            made = content.data_request(
                fields.tags("tags") or content.ALL_DATA_TAGS,
                ci_key_id=fields.octets("ciKeyId"),
                notification_seq=fields.take("notificationSeq", int),
                notification_event=fields.take("notificationEvent", int),
                result_seq=fields.take("resultSeq", int),
            )
        case "trigger":
            made = content.download_trigger(
                activation_code=fields.take("activationCode", str),
                default_smdp=fields.take("defaultSmdp", bool, False),
                smds=fields.take("smds", str),
                held=fields.take("held", str),
                confirmation_code=fields.take("confirmationCode", str),
            )
        case "raw":
            made = content.raw_package(fields.octets("hex", required=True) or b"")
        case _:
            raise FieldError(f"order.type: expected psmo, eco, data, trigger or raw, found {kind!r}")
    fields.finish()
    return Order(made, faults)


def _faults(value: object) -> SigningFaults:
    fields = Fields(value, "order.faults")
    faults = SigningFaults(
        bad_signature=fields.take("badSignature", bool, False),
        eid=fields.octets("eid"),
        eim_id=fields.take("eimId", str),
        counter=fields.take("counter", int),
        token=fields.take("token", int),
        no_transaction_id=fields.take("noTransactionId", bool, False),
    )
    fields.finish()
    return faults


def _command(value: object, place: str, configurations: Configurations) -> Command:
    fields = Fields(value, place)
    name = fields.take("command", str, required=True)
    builder = _BUILDERS.get(name)
    try:
        command = builder(fields, configurations) if builder else None
    except FieldError:
        raise
    except ValueError as error:
        raise FieldError(f"{place}: {error}") from error
    if command is None:
        raise FieldError(f"{place}.command: expected one of {', '.join(_BUILDERS)}, found {name!r}")
    fields.finish()
    return command


def _iccid(fields: Fields) -> str:
    return str(fields.take("iccid", str, required=True))


def _configuration(fields: Fields, configurations: Configurations) -> bytes:
    """The configuration given in hex, or that of an eIM of the rig."""
    given = fields.octets("configuration")
    if given is not None:
        return given
    name = fields.take("eim", str, required=True)
    try:
        return configurations(name)
    except KeyError:
        raise FieldError(f"there is no eIM {name!r} in this rig") from None


def _list(fields: Fields) -> Command:
    return content.list_profile_info(
        iccid=fields.take("iccid", str),
        aid=fields.octets("aid"),
        profile_class=fields.take("profileClass", int),
        tags=fields.tags("tags"),
    )


def _immediate(fields: Fields) -> Command:
    return content.configure_immediate_enable(
        enabled=fields.take("enabled", bool, True),
        smdp_oid=fields.take("smdpOid", str),
        smdp_address=fields.take("smdpAddress", str),
    )


_BUILDERS: Final[dict[str, Callable[[Fields, Configurations], Command]]] = {
    "enable": lambda fields, _: content.enable(_iccid(fields), rollback=fields.take("rollback", bool, False)),
    "disable": lambda fields, _: content.disable(_iccid(fields)),
    "delete": lambda fields, _: content.delete(_iccid(fields)),
    "listProfileInfo": lambda fields, _: _list(fields),
    "getRAT": lambda _fields, _: content.get_rat(),
    "configureImmediateEnable": lambda fields, _: _immediate(fields),
    "setFallbackAttribute": lambda fields, _: content.set_fallback(_iccid(fields)),
    "unsetFallbackAttribute": lambda _fields, _: content.unset_fallback(),
    "setDefaultDpAddress": lambda fields, _: content.set_default_dp(fields.take("address", str, "")),
    "addEim": lambda fields, eims: content.add_eim(_configuration(fields, eims)),
    "updateEim": lambda fields, eims: content.update_eim(_configuration(fields, eims)),
    "deleteEim": lambda fields, _: content.delete_eim(fields.take("eimId", str, required=True)),
    "listEim": lambda _fields, _: content.list_eim(),
    "unknown": lambda _fields, _: content.unknown_command(),
}
