"""A SM-DP+ that every device reaches by an address of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from hil.rsp.authentication import Challenge
from hil.smdp.core import SmDpPlus


class FleetSmDp(SmDpPlus):
    """Behind the link of each device there is a door of its own, which is another port of the same host: the server
    calls itself as the device that asks does, in what it signs and in the metadata of the profile."""

    def initiate_authentication(self, euicc_challenge: bytes, euicc_info1: bytes, address: str) -> Challenge:
        with self._called(address):
            return super().initiate_authentication(euicc_challenge, euicc_info1, address)

    def authenticate_client(self, transaction_id: bytes, response: bytes) -> Mapping[str, bytes]:
        with self._called(self._address(transaction_id)):
            return super().authenticate_client(transaction_id, response)

    def get_bound_profile_package(self, transaction_id: bytes, response: bytes) -> bytes:
        with self._called(self._address(transaction_id)):
            return super().get_bound_profile_package(transaction_id, response)

    def _address(self, transaction_id: bytes) -> str:
        session = self.sessions.get(transaction_id)
        return self.identity.address if session is None else session.asked.server_address

    @contextmanager
    def _called(self, address: str) -> Iterator[None]:
        """Nothing is awaited meanwhile, so no other device can see it."""
        usual = self.identity
        if address.partition(":")[0].lower() == usual.host.lower():
            self.identity = replace(usual, address=address)
        try:
            yield
        finally:
            self.identity = usual
