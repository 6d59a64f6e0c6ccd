from __future__ import annotations

import pytest

from ipad.errors import CodecError
from ipad.net.host_name import is_for
from tests.coaps import pki, reissued


@pytest.mark.parametrize(
    ("named", "asked", "expected"),
    [
        ("eim.example.com", "eim.example.com", True),
        ("EIM.example.com", "eim.EXAMPLE.com", True),
        ("eim.example.com", "eim.example.com.", True),
        ("eim.example.com", "example.com", False),
        ("eim.example.com", "a.eim.example.com", False),
        ("*.example.com", "eim.example.com", True),
        ("*.example.com", "a.eim.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.com", "example.com", False),
        ("e*.example.com", "eim.example.com", False),
        ("*.*.example.com", "a.b.example.com", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("2001:db8::1", "2001:db8:0::1", True),
        ("eim.example.com", "127.0.0.1", False),
        ("*.0.0.1", "127.0.0.1", False),
    ],
)
def test_name_in_the_certificate(named: str, asked: str, expected: bool) -> None:
    assert is_for(reissued(named).certificate, asked) is expected


def test_any_of_several_names_counts() -> None:
    certificate = reissued("one.example.com", "127.0.0.1", "two.example.com").certificate
    assert is_for(certificate, "two.example.com")
    assert is_for(certificate, "127.0.0.1")


def test_common_name_is_no_host_name() -> None:
    ca = pki().tls_ca
    assert not is_for(ca.certificate, "Test TLS CA")


@pytest.mark.parametrize("data", [b"", b"\x30\x00", b"\x30\x05\x30\x03\x02", bytes(40)])
def test_rubbish_is_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        is_for(data, "eim.example.com")
