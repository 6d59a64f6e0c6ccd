"""An idempotent eIM, which outlives a power cut, and connections to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import (
    EimAcknowledgements,
    EimPackageError,
    EimPackageResult,
    EmptyResponse,
    GetEimPackageRequest,
    GetEimPackageResponse,
    HandleNotificationEsipa,
    ProvideEimPackageResult,
    ProvideEimPackageResultError,
    ProvideEimPackageResultResponse,
)
from ipad.codec.euicc_package import EuiccPackageResult
from ipad.codec.notification import PendingNotification
from ipad.errors import IpadError, NetworkError


@dataclass
class EimServer:
    """An eIM: hands out the same package until its result came, takes any result any number of times."""

    eim_id: str
    queue: list[bytes] = field(default_factory=list)  # GetEimPackageResponse messages
    requests: list[GetEimPackageRequest] = field(default_factory=list)
    results: list[bytes] = field(default_factory=list)  # complete ProvideEimPackageResult messages
    notifications: list[bytes] = field(default_factory=list)  # PendingNotification TLVs
    story: list[bytes] = field(default_factory=list)  # everything that came in, in order
    acknowledge: bool = True
    refusal: ProvideEimPackageResultError | None = None
    reachable: Callable[[], bool] = lambda: True
    answers: list[bytes] = field(default_factory=list)  # scripted answers to results, before the normal ones
    notification_errors: list[IpadError] = field(default_factory=list)

    def offer(self, package: Any) -> None:
        """Queue a package (a data object of an alternative of GetEimPackageResponse, or its bytes)."""
        raw = package if isinstance(package, bytes) else package.encode()
        self.queue.append(GetEimPackageResponse(unknown=raw).encode())

    def get(self, request: GetEimPackageRequest) -> GetEimPackageResponse:
        self.requests.append(request)
        self.story.append(request.encode())
        if not self.queue:
            return GetEimPackageResponse(eim_package_error=EimPackageError.NO_EIM_PACKAGE_AVAILABLE)
        return GetEimPackageResponse.decode(self.queue[0])

    def provide(self, request: ProvideEimPackageResult) -> ProvideEimPackageResultResponse:
        raw = request.encode()
        self.story.append(raw)
        repeated = raw in self.results
        self.results.append(raw)
        if self.queue and not repeated and self._answers_first(request):
            del self.queue[0]
        if self.answers:
            return ProvideEimPackageResultResponse.decode(self.answers.pop(0))
        if self.refusal is not None:
            return ProvideEimPackageResultResponse(provide_eim_package_result_error=self.refusal)
        numbers = result_numbers(raw)
        if self.acknowledge and numbers:
            return ProvideEimPackageResultResponse(eim_acknowledgements=EimAcknowledgements(sequence_numbers=numbers))
        return ProvideEimPackageResultResponse(empty_response=EmptyResponse())

    def _answers_first(self, request: ProvideEimPackageResult) -> bool:
        """A result names its package; without one of a signed package it answers whatever was handed out."""
        first = GetEimPackageResponse.decode(self.queue[0]).euicc_package_request
        answered = package_of(request.encode())
        if first is None or answered is None:
            return first is None
        return answered == first.euicc_package_signed.eim_transaction_id


def package_of(message: bytes) -> bytes | None:
    """The eimTransactionId of the signed package that a ProvideEimPackageResult message is about."""
    result = ProvideEimPackageResult.decode(message).eim_package_result
    if result.eim_package_result_response_error is not None:
        return result.eim_package_result_response_error.eim_transaction_id
    package = result.euicc_package_result
    if result.epr_and_notifications is not None:
        package = result.epr_and_notifications.euicc_package_result
    if package is None:
        return None
    if package.euicc_package_result_signed is not None:
        return package.euicc_package_result_signed.euicc_package_result_data_signed.eim_transaction_id
    if package.euicc_package_error_signed is not None:
        return package.euicc_package_error_signed.euicc_package_error_data_signed.eim_transaction_id
    unsigned = package.euicc_package_error_unsigned
    return None if unsigned is None else unsigned.eim_transaction_id


def epr_of(message: bytes) -> EuiccPackageResult | None:
    """The eUICC Package Result in a ProvideEimPackageResult message."""
    result: EimPackageResult = ProvideEimPackageResult.decode(message).eim_package_result
    if result.epr_and_notifications is not None:
        return result.epr_and_notifications.euicc_package_result
    return result.euicc_package_result


def result_numbers(message: bytes) -> tuple[int, ...]:
    """The sequence numbers of all that a ProvideEimPackageResult message carries."""
    result = ProvideEimPackageResult.decode(message).eim_package_result
    numbers = []
    package = epr_of(message)
    if package is not None and package.euicc_package_result_signed is not None:
        numbers.append(package.euicc_package_result_signed.euicc_package_result_data_signed.seq_number)
    notifications: tuple[PendingNotification, ...] = ()
    if result.epr_and_notifications is not None:
        notifications = result.epr_and_notifications.notification_list
    for item in notifications:
        assert item.other_signed_notification is not None
        numbers.append(item.other_signed_notification.tbs_other_notification.seq_number)
    return tuple(numbers)


class FakeEim:
    """A connection to an `EimServer`."""

    def __init__(self, server: EimServer) -> None:
        self.server = server
        self.closed = False

    def _connect(self) -> None:
        if not self.server.reachable():
            raise NetworkError(f"{self.server.eim_id} does not answer", layer="tcp")

    async def get_eim_package(self, request: GetEimPackageRequest) -> GetEimPackageResponse:
        self._connect()
        return self.server.get(request)

    async def provide_eim_package_result(self, request: ProvideEimPackageResult) -> ProvideEimPackageResultResponse:
        self._connect()
        return self.server.provide(request)

    async def handle_notification(self, request: HandleNotificationEsipa) -> None:
        self._connect()
        assert request.pending_notification is not None
        self.server.story.append(request.encode())
        if self.server.notification_errors:
            raise self.server.notification_errors.pop(0)
        self.server.notifications.append(request.pending_notification.encode())

    async def close(self) -> None:
        self.closed = True


class FakeConnector:
    """Finds the server by the FQDN in the configuration data."""

    def __init__(self, servers: Mapping[str, EimServer]) -> None:
        self.servers = servers
        self.connections: list[str] = []
        self.wrap: Callable[[FakeEim], Any] = lambda eim: eim

    def unusable(self, eim: EimConfigurationData) -> str | None:
        return None if eim.eim_fqdn else "it has no address"

    def connect(self, eim: EimConfigurationData) -> Any:
        assert eim.eim_fqdn is not None
        self.connections.append(eim.eim_fqdn)
        return self.wrap(FakeEim(self.servers.get(eim.eim_fqdn) or EimServer(eim.eim_id, reachable=lambda: False)))
