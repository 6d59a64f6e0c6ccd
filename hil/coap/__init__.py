"""The CoAPS endpoint of the bench: ESipa over CoAP over DTLS (SGP.32 6.2), with faults on demand."""

from hil.coap.endpoint import CoapsServer
from hil.coap.knobs import BlockFault, CoapKnobs, Refusal, Request

__all__ = ["BlockFault", "CoapKnobs", "CoapsServer", "Refusal", "Request"]
