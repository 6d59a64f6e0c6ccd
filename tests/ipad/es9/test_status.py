"""Status codes of the JSON binding in the form in which an eIM relays them."""

from __future__ import annotations

import pytest

from ipad.codec.esipa_rsp import (
    AuthenticateClientErrorEsipa,
    AuthenticateClientResponseEsipa,
    GetBoundProfilePackageErrorEsipa,
    GetBoundProfilePackageResponseEsipa,
    InitiateAuthenticationErrorEsipa,
    InitiateAuthenticationResponseEsipa,
)
from ipad.errors import RspStatusError
from ipad.es9.status import esipa_response


def refusal(function: str, subject: str, reason: str) -> RspStatusError:
    return RspStatusError(function, status="Failed", subject=subject, reason=reason, message="")


def test_codes_are_those_of_the_messages_of_esipa() -> None:
    begun = esipa_response(refusal("initiateAuthentication", "8.8.3", "3.1"))
    assert begun is not None
    initiated = InitiateAuthenticationResponseEsipa.decode(begun)
    assert (
        initiated.initiate_authentication_error_esipa
        is InitiateAuthenticationErrorEsipa.EUICC_VERSION_NOT_SUPPORTED_BY_DP
    )
    refused = esipa_response(refusal("authenticateClient", "8.1.1", "3.8"))
    assert refused is not None
    client = AuthenticateClientResponseEsipa.decode(refused)
    assert client.authenticate_client_error_esipa is AuthenticateClientErrorEsipa.EID_MISMATCH
    bound = esipa_response(refusal("getBoundProfilePackage", "8.2.7", "6.4"))
    assert bound is not None
    package = GetBoundProfilePackageResponseEsipa.decode(bound)
    assert (
        package.get_bound_profile_package_error_esipa
        is GetBoundProfilePackageErrorEsipa.CONFIRMATION_CODE_RETRIES_EXCEEDED
    )


@pytest.mark.parametrize("function", ["initiateAuthentication", "authenticateClient", "getBoundProfilePackage"])
def test_unknown_pair_is_undefined(function: str) -> None:
    response = esipa_response(refusal(function, "9.9", "9.9"))
    assert response is not None
    assert response.endswith(b"\x7f")


def test_function_without_such_an_answer_has_none() -> None:
    assert esipa_response(refusal("handleNotification", "1.1", "2.1")) is None
