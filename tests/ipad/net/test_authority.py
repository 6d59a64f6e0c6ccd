from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipad.errors import CodecError
from ipad.net.authority import AddressOverrides, Authority


@pytest.mark.parametrize(
    ("text", "host", "port", "header"),
    [
        ("eim.example.com", "eim.example.com", None, "eim.example.com"),
        ("EIM.Example.com:8443", "EIM.Example.com", 8443, "EIM.Example.com:8443"),
        ("eim.example.com.", "eim.example.com", None, "eim.example.com"),
        ("localhost", "localhost", None, "localhost"),
        ("a_b.example", "a_b.example", None, "a_b.example"),
        ("192.0.2.7", "192.0.2.7", None, "192.0.2.7"),
        ("192.0.2.7:80", "192.0.2.7", 80, "192.0.2.7:80"),
        ("[2001:DB8::0:1]", "2001:db8::1", None, "[2001:db8::1]"),
        ("[::1]:443", "::1", 443, "[::1]:443"),
    ],
)
def test_name_or_address_with_or_without_port(text: str, host: str, port: int | None, header: str) -> None:
    server = Authority.parse(text)
    assert (server.host, server.port, str(server)) == (host, port, header)
    assert server.is_address == (host[0] in "1:2")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " eim.example.com",
        "eim.example.com\r\nEvil: 1",
        "eim.example.com\n",
        "eim\0.example.com",
        "eim .example.com",
        "https://eim.example.com",
        "eim.example.com/path",
        "user@eim.example.com",
        "eim.example.com:",
        "eim.example.com:0",
        "eim.example.com:65536",
        "eim.example.com:+44",
        "eim..example.com",
        ".example.com",
        "-eim.example.com",
        "eim-.example.com",
        "bücher.example",
        "a" * 64 + ".example",
        ".".join(["a" * 60] * 5),
        "1.2.3",
        "256.1.1.1",
        "2001:db8::1",
        "[2001:db8::1",
        "[eim.example.com]",
        "[fe80::1%eth0]",
        "eim.example.com:\uff14\uff14\uff13",
    ],
)
def test_anything_else_is_refused_and_shown_escaped(text: str) -> None:
    with pytest.raises(CodecError) as caught:
        Authority.parse(text)
    assert str(caught.value).isprintable()


@given(st.text(max_size=60))
def test_no_text_ends_in_another_error(text: str) -> None:
    try:
        server = Authority.parse(text)
    except CodecError:
        return
    assert str(server).isascii()
    assert str(server).isprintable()
    assert " " not in str(server)


def test_default_port_depends_on_the_scheme() -> None:
    assert Authority("eim").port_for("https") == 443
    assert Authority("eim").port_for("coaps") == 5684
    assert Authority("eim", 99).port_for("https") == 99


def test_override_replaces_the_address_of_one_scheme_and_port() -> None:
    overrides = AddressOverrides(
        {"https://EIM.example.com": "127.0.0.1:4433", "https://smdp.example.com:8443": "[::1]:4434"}
    )
    assert overrides.connect_to("https", Authority("eim.Example.com")) == ("127.0.0.1", 4433)
    assert overrides.connect_to("https", Authority("eim.example.com", 443)) == ("127.0.0.1", 4433)
    assert overrides.connect_to("https", Authority("eim.example.com", 444)) == ("eim.example.com", 444)
    assert overrides.connect_to("coaps", Authority("eim.example.com")) == ("eim.example.com", 5684)
    assert overrides.connect_to("https", Authority("smdp.example.com", 8443)) == ("::1", 4434)
    assert overrides.connect_to("https", Authority("smdp.example.com")) == ("smdp.example.com", 443)


@pytest.mark.parametrize("key", ["eim.example.com", "ftp://eim.example.com", "https://", "https://a b"])
def test_override_with_another_key_is_refused(key: str) -> None:
    with pytest.raises(CodecError):
        AddressOverrides({key: "127.0.0.1:1"})
