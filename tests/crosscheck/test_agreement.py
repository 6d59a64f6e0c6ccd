"""Agent and bench read and write every data object alike: two readings of the same tables check each other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hil import codec
from tests.crosscheck import agent_schema, bench_schema, material

quick = settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)

TYPES = {name.lower(): name for name in codec.type_names()}
CLASSES = {cls.__name__: cls for cls in agent_schema.classes()}
PAIRS = {name: TYPES[name.lower()] for name in CLASSES if name.lower() in TYPES}
"""Class of the agent -> type of the bench."""

WHOLE = "the agent carries it as a whole"
MESSAGE = "the agent has one class for each message"
NOT_IN_AGENT = {
    "BoundProfilePackage": WHOLE,
    "CancelSessionResponseBody": "an auxiliary of the bench for CancelSessionResponse under another tag",
    "Certificate": WHOLE,
    "CertificateList": WHOLE,
    "ConfigureISDPRequest": "inside the protected part of a BoundProfilePackage, which the agent carries as a whole",
    "EsipaMessageFromEimToIpa": MESSAGE,
    "EsipaMessageFromIpaToEim": MESSAGE,
    "SubjectPublicKeyInfo": WHOLE,
}
"""Constructed types of the bench without a class of the agent, and why."""


@pytest.mark.parametrize("class_name", PAIRS)
@quick
@given(data=st.data())
def test_bench_reads_and_repeats_what_the_agent_writes(class_name: str, data: st.DataObject) -> None:
    cls, type_name = CLASSES[class_name], PAIRS[class_name]
    made: Any = data.draw(agent_schema.objects(cls))
    encoded = made.encode()
    value = codec.decode(type_name, encoded)
    assert material.plain(type_name, value) == agent_schema.plain(made)
    assert codec.encode(type_name, value).hex() == encoded.hex()
    assert cls.decode(encoded) == made


@pytest.mark.parametrize("class_name", PAIRS)
@quick
@given(data=st.data())
def test_agent_reads_and_repeats_what_the_bench_writes(class_name: str, data: st.DataObject) -> None:
    cls, type_name = CLASSES[class_name], PAIRS[class_name]
    value = data.draw(bench_schema.values(type_name))
    encoded = codec.encode(type_name, value)
    read: Any = cls.decode(encoded)
    assert agent_schema.plain(read) == material.plain(type_name, value)
    assert agent_schema.rebuilt(read).encode().hex() == encoded.hex()


@pytest.mark.parametrize(
    ("class_name", "tag", "value"),
    [
        ("EuiccMemoryResetRequest", 0xBF34, {"resetOptions": codec.bits(0, 2)}),
        ("EuiccMemoryResetResponse", 0xBF34, {"resetResult": 5}),
        ("SetDefaultDpAddressRequest", 0xBF3F, {"defaultDpAddress": "smdp.example.com"}),
        ("SetDefaultDpAddressResponse", 0xBF3F, {"setDefaultDpAddressResult": 127}),
    ],
)
def test_objects_of_a_consumer_euicc_differ_in_their_outer_tag_only(class_name: str, tag: int, value: Any) -> None:
    encoded = codec.encode(f"SGP22.{class_name}", value)
    read: Any = CLASSES[class_name].decode(encoded, tag=tag)
    assert agent_schema.rebuilt(read).encode_as(tag) == encoded


def test_every_class_of_the_agent_takes_part() -> None:
    reached = {member for name in PAIRS for member in agent_schema.members(CLASSES[name])}
    assert [cls.__name__ for cls in CLASSES.values() if cls.__name__ not in PAIRS and cls not in reached] == []


def test_every_type_of_the_bench_takes_part_or_is_named_with_its_reason() -> None:
    constructed = {
        name for name, descriptor in codec.type_descriptors().items() if descriptor["type"] in ("SEQUENCE", "CHOICE")
    }
    assert constructed - set(PAIRS.values()) == NOT_IN_AGENT.keys()
