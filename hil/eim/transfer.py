"""TransferEimPackage from the eIM's side: the request, and what an IPA may answer (SGP.32 5.14.4, 6.3.3.1).

The response of v1.3 in which the IPA names what it correlates (BF60, BF61) is read too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hil import tlv
from hil.eim.messages import MalformedRequestError, integer, outer, parts

TAG: Final = 0xBF4E
_RESULTS: Final = (0xBF51, 0x30, 0xBF52)


@dataclass(frozen=True)
class TransferAnswer:
    """TransferEimPackageResponse: a result as received, or an error code, or neither: eimPackageReceived."""

    result: bytes | None = None
    error: int | None = None
    correlation: bytes | None = None
    """Content of the correlation id of v1.3: `80` eimTransactionId or `5A` EID."""

    @property
    def received(self) -> bool:
        """eimPackageReceived."""
        return self.result is None and self.error is None


def request(alternative: bytes) -> bytes:
    """TransferEimPackageRequest with a package or with acknowledgements."""
    return tlv.build(TAG, alternative)


def acknowledgements(numbers: Sequence[int]) -> bytes:
    """EimAcknowledgements."""
    return tlv.build(0xBF53, b"".join(tlv.build(0x80, tlv.integer(number)) for number in numbers))


def read_answer(message: bytes) -> TransferAnswer:
    """A TransferEimPackageResponse. Raises MalformedRequestError."""
    whole = outer(message)
    elements = parts(whole.value)
    if whole.tag != TAG or len(elements) != 1:
        raise MalformedRequestError(f"no TransferEimPackageResponse: {whole.tag:X} with {len(elements)} elements")
    answer = elements[0]
    if answer.tag in _RESULTS:
        return TransferAnswer(result=answer.raw)
    if answer.tag == 0x05 and not answer.value:
        return TransferAnswer()
    if answer.tag == 0x02:
        return TransferAnswer(error=integer(answer.value))
    if answer.tag in (0xBF60, 0xBF61):
        return _correlated(answer)
    raise MalformedRequestError(f"TransferEimPackageResponse with the unknown answer {answer.tag:X}")


def _correlated(answer: tlv.Tlv) -> TransferAnswer:
    fields = {part.tag: part.value for part in parts(answer.value)}
    if answer.tag == 0xBF60:
        return TransferAnswer(correlation=fields.get(0xA0))
    if 0x81 not in fields:
        raise MalformedRequestError("a TransferEimPackageResponse with an error has no code")
    return TransferAnswer(error=integer(fields[0x81]), correlation=fields.get(0xA0))
