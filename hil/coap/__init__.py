"""The CoAPS endpoint of the bench: ESipa over CoAP over DTLS (SGP.32 6.2), with faults on demand."""

from hil.coap.client import CoapError, CoapResponse, CoapsClient
from hil.coap.endpoint import CoapsServer, NoResponseError, RefusedError
from hil.coap.knobs import BlockFault, CoapKnobs, Refusal, Request, RequestTagRule

__all__ = [
    "BlockFault",
    "CoapError",
    "CoapKnobs",
    "CoapResponse",
    "CoapsClient",
    "CoapsServer",
    "NoResponseError",
    "Refusal",
    "RefusedError",
    "Request",
    "RequestTagRule",
]
