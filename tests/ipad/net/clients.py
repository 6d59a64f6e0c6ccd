"""Clients that are sent to a server of this machine."""

from __future__ import annotations

from dataclasses import replace

from ipad.net.authority import AddressOverrides, Authority
from ipad.net.client import HttpsClient, NetworkSettings
from ipad.net.tls import PinnedKey, ServerTls
from tests.ipad.net.issuing import NOW, Issued

SETTINGS = NetworkSettings(timeout=10.0)


def client_of(server: Issued, port: int, settings: NetworkSettings = SETTINGS) -> HttpsClient:
    """A client of eim.example.com, which it finds at a port of this machine and knows by its key."""
    overrides = AddressOverrides({"https://eim.example.com": f"127.0.0.1:{port}"})
    trust = ServerTls(PinnedKey(server.spki), NOW.timestamp)
    return HttpsClient(Authority("eim.example.com"), trust, replace(settings, overrides=overrides))
