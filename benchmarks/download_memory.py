"""Peak memory of the agent while a profile package comes in and goes to the card.

Run it as `python benchmarks/download_memory.py`. Everything between the socket and the card is the agent's own code:
HTTP framing, binding, checks, segments. The answer of the server exists before the measurement begins and is not
counted; the card is one that swallows segments. The limits are 5 times the package with the JSON binding (ES9+) and
2 times with the ASN.1 binding (ESipa); the exit code is 1 when one is exceeded.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ipad.codec import tlv
from ipad.codec.bpp import BoundProfilePackage
from ipad.codec.rsp import DownloadErrorCode, PrepareDownloadResponse, PrepareDownloadResponseError
from ipad.es9.functions import Es9Client
from ipad.es9.https import MAX_PACKAGE_ANSWER
from ipad.es10.es10b import Es10b
from ipad.esipa.binding import MAX_PACKAGE_MESSAGE
from ipad.esipa.functions import EsipaClient
from ipad.net.http import HttpConversation
from ipad.procedures.rsp_server import DirectServer, RelayedServer, RspServer

SIZES: Final = (150_000, 1_000_000)
LIMITS: Final = {"JSON": 5.0, "ASN.1": 2.0}
_CHUNK: Final = 16_384
"""What the client reads from a socket at once."""

_SEGMENT: Final = 1016
_TRANSACTION_ID: Final = bytes(range(16))
_RESULT: Final = bytes.fromhex(
    "BF3762BF275880080102030405060708BF2F25800109810207800C10736D64702E6578616D706C652E636F6D5A0A98942000000000001001"
    "0603883704A21FA01D4F10A0000005591010FFFFFFFF8900001200040930 07A0053003800100 5F3704DEADBEEF".replace(" ", "")
)


@dataclass(frozen=True)
class Measurement:
    """Bytes of a package, and the highest amount of memory that was in use besides what was before."""

    binding: str
    package: int
    peak: int

    @property
    def factor(self) -> float:
        """Peak as a multiple of the package."""
        return self.peak / self.package


def package(size: int) -> bytes:
    """A package of about `size` bytes with the structure of a real one."""
    template = tlv.tlv(0xA6, b"\x80\x01\x88\x81\x01\x10", tlv.tlv(0x84, b"host"))
    secure_channel = tlv.tlv(
        0xBF23,
        b"\x82\x01\x01",
        tlv.tlv(0x80, _TRANSACTION_ID),
        template,
        tlv.tlv(0x5F49, bytes(65)),
        tlv.tlv(0x5F37, bytes(64)),
    )
    metadata = tlv.tlv(0xBF25, tlv.tlv(0x5A, bytes(10)), tlv.tlv(0x91, b"Operator"), tlv.tlv(0x92, b"Profile"))
    count = max(1, size // (_SEGMENT + 4))
    return tlv.tlv(
        0xBF36,
        secure_channel,
        tlv.tlv(0xA0, tlv.tlv(0x87, bytes(24))),
        tlv.tlv(0xA1, tlv.tlv(0x88, metadata, bytes(8))),
        tlv.tlv(0xA3, *(tlv.tlv(0x86, bytes(_SEGMENT)) for _ in range(count))),
    )


class Wire:
    """Plays back one HTTP answer through the agent's HTTP framing."""

    server_certificate = None

    def __init__(self, body: bytes, max_body: int) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: {len(body)}\r\n\r\n"
        self._answer = memoryview(head.encode() + body)
        self._max_body = max_body

    def _receive(self, message: bytes) -> bytes:
        conversation = HttpConversation("server")
        conversation.request("/", (), message, self._max_body)
        for chunk in self._chunks():
            response = conversation.receive(chunk)
            if response is not None:
                return response.body
        raise AssertionError("the answer is not complete")

    def _chunks(self) -> Iterator[bytes]:
        return (bytes(self._answer[at : at + _CHUNK]) for at in range(0, len(self._answer), _CHUNK))

    async def post(self, function: str, body: bytes) -> bytes:
        """As `es9.functions.JsonPost`."""
        del function
        return self._receive(body)

    async def exchange(self, message: bytes) -> bytes:
        """As `esipa.binding.EsipaBinding`."""
        return self._receive(message)

    async def close(self) -> None:
        """As both."""


class Swallower:
    """A card that takes segments and answers after the last."""

    def __init__(self, size: int) -> None:
        self._left = size

    async def transceive(self, request: bytes, *, repeatable: bool = False) -> bytes:
        """Not used by the loading of a package."""
        del repeatable
        raise AssertionError(request.hex())

    async def transceive_segment(self, data: bytes) -> bytes:
        """As `es10.port.Es10Port`."""
        self._left -= len(data)
        return b"" if self._left else _RESULT


async def load(server: RspServer, size: int) -> None:
    """What the procedure does from GetBoundProfilePackage to the last segment."""
    error = PrepareDownloadResponseError(
        transaction_id=_TRANSACTION_ID, download_error_code=DownloadErrorCode.UNDEFINED_ERROR
    )
    response = PrepareDownloadResponse(download_response_error=error)
    parsed = BoundProfilePackage.parse(await server.get_bound_profile_package(_TRANSACTION_ID, response))
    assert parsed.transaction_id == _TRANSACTION_ID
    assert parsed.metadata.profile_name == "Profile"
    await Es10b(Swallower(size)).load_bound_profile_package(parsed)


def over_json(data: bytes) -> RspServer:
    """The package in an answer of ES9+."""
    members = {
        "header": {"functionExecutionStatus": {"status": "Executed-Success"}},
        "transactionId": _TRANSACTION_ID.hex().upper(),
        "boundProfilePackage": base64.b64encode(data).decode(),
    }
    return DirectServer(Es9Client(Wire(json.dumps(members).encode(), MAX_PACKAGE_ANSWER)))


def over_asn1(data: bytes) -> RspServer:
    """The package in an answer of ESipa."""
    answer = tlv.tlv(0xBF3A, tlv.tlv(0xA0, tlv.tlv(0x80, _TRANSACTION_ID), data))
    return RelayedServer(EsipaClient(Wire(answer, MAX_PACKAGE_MESSAGE)), None)


async def measure(binding: str, make: Callable[[bytes], RspServer], size: int) -> Measurement:
    """One download of a package of about `size` bytes."""
    data = package(size)
    length = len(data)
    server = make(data)
    del data
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        await load(server, length)
        return Measurement(binding, length, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()


async def measure_all(sizes: tuple[int, ...] = SIZES) -> list[Measurement]:
    """Both bindings with every size. The first download of each loads code and is not counted."""
    found = []
    bindings: tuple[tuple[str, Callable[[bytes], RspServer]], ...] = (("JSON", over_json), ("ASN.1", over_asn1))
    for binding, make in bindings:
        await measure(binding, make, 1000)
        found += [await measure(binding, make, size) for size in sizes]
    return found


def main() -> int:
    """Print the figures; 1 when a limit is exceeded."""
    found = asyncio.run(measure_all())
    for item in found:
        limit = LIMITS[item.binding]
        verdict = "ok" if item.factor <= limit else "TOO MUCH"
        print(  # noqa: T201 - a script that people run
            f"{item.binding:6} package {item.package:9} bytes  peak {item.peak:9} bytes  "
            f"{item.factor:4.2f} times, limit {limit:g}  {verdict}"
        )
    return int(any(item.factor > LIMITS[item.binding] for item in found))


if __name__ == "__main__":
    sys.exit(main())
