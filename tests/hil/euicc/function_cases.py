"""Result codes of the functions that the IPA calls without a package (SGP.32 5.9)."""

from __future__ import annotations

from hil.euicc.state import ImmediateEnable
from tests.hil.euicc.bench import (
    ICCID1,
    ICCID2,
    LIST,
)
from tests.hil.euicc.result_cases import (
    BUSY,
    EMERGENCY_OFF,
    EMERGENCY_ON,
    FALLBACK,
    IMMEDIATE,
    IMMEDIATE_SETTINGS,
    RETURN,
    ROLLBACK,
    UNKNOWN_ISSUER,
    Case,
    both,
    capabilities,
    ecall,
    eim,
    emergency,
    enabled,
    finished,
    force,
    function,
    initial,
    knob,
    memory,
    on_fallback,
    profile,
    rolled,
    unassociated,
    unsigned_code,
)

FUNCTION_CASES = [
    Case(
        "AddInitialEimResponse.addInitialEimError",
        1,
        function(initial(eim("a"), eim("b")), "AddInitialEimResponse"),
        both(unassociated, knob(maximum_eims=1)),
    ),
    Case("AddInitialEimResponse.addInitialEimError", 2, function(initial(eim()), "AddInitialEimResponse")),
    Case(
        "AddInitialEimResponse.addInitialEimError",
        3,
        function(initial(eim(issuer=UNKNOWN_ISSUER)), "AddInitialEimResponse"),
        unassociated,
    ),
    Case(
        "AddInitialEimResponse.addInitialEimError",
        5,
        function(initial(eim(token=1)), "AddInitialEimResponse"),
        unassociated,
    ),
    Case(
        "AddInitialEimResponse.addInitialEimError",
        6,
        function(initial(eim(counter=0x800000)), "AddInitialEimResponse"),
        unassociated,
    ),
    Case(
        "AddInitialEimResponse.addInitialEimError",
        7,
        function(initial(eim("a"), eim("a")), "AddInitialEimResponse"),
        unassociated,
    ),
    Case(
        "AddInitialEimResponse.addInitialEimError",
        127,
        function(initial(eim()), "AddInitialEimResponse"),
        both(unassociated, force("addInitialEimError")),
    ),
    Case("EuiccMemoryResetResponse.resetResult", 0, function("BF6404820206" + "80", "EuiccMemoryResetResponse")),
    Case("EuiccMemoryResetResponse.resetResult", 1, function("BF640482020640", "EuiccMemoryResetResponse")),
    Case("EuiccMemoryResetResponse.resetResult", 5, function("BF640482020780", "EuiccMemoryResetResponse"), BUSY),
    Case(
        "EuiccMemoryResetResponse.resetResult", 104, function("BF640482020780", "EuiccMemoryResetResponse"), emergency
    ),
    Case(
        "EuiccMemoryResetResponse.resetResult",
        127,
        function("BF640482020780", "EuiccMemoryResetResponse"),
        force("resetResult"),
    ),
    *(
        Case(
            "EuiccMemoryResetResponse.resetEimResult",
            code,
            function("BF640482020204", "EuiccMemoryResetResponse", "resetEimResult"),
            setup,
        )
        for code, setup in (
            (0, lambda _bench: None),
            (1, unassociated),
            (2, capabilities(eim_reset_supported=False)),
            (127, force("resetEimResult")),
        )
    ),
    *(
        Case(
            "EuiccMemoryResetResponse.resetImmediateEnableConfigResult",
            code,
            function("BF640482020102", "EuiccMemoryResetResponse", "resetImmediateEnableConfigResult"),
            setup,
        )
        for code, setup in (
            (0, lambda _bench: None),
            (1, capabilities(immediate_enable_reset_supported=False)),
            (127, force("resetImmediateEnableConfigResult")),
        )
    ),
    Case("GetCertsResponse.getCertsError", 1, function("BF5602" + "8000", "GetCertsResponse")),
    Case("GetCertsResponse.getCertsError", 127, function("BF5600", "GetCertsResponse"), force("getCertsError")),
    Case(
        "RetrieveNotificationsListResponse.notificationsListResultError",
        127,
        function("BF2B00", "RetrieveNotificationsListResponse"),
        force("notificationsListResultError"),
    ),
    *(
        Case(
            "ImmediateEnableResponse.immediateEnableResult", code, function(IMMEDIATE, "ImmediateEnableResponse"), setup
        )
        for code, setup in (
            (0, finished),
            (1, lambda _bench: None),
            (1, both(finished, memory(immediate_enable=ImmediateEnable(enabled=True, smdp_oid="2.999.12")))),
            (1, both(finished, memory(immediate_enable=ImmediateEnable(enabled=True, smdp_address="other.example")))),
            (4, memory(immediate_enable=ImmediateEnable(enabled=True))),
            (5, both(finished, BUSY)),
            (127, force("immediateEnableResult")),
        )
    ),
    *(
        Case(
            "ProfileRollbackResponse.cmdResult",
            code,
            function(request, "ProfileRollbackResponse", "cmdResult"),
            setup,
        )
        for code, request, setup in (
            (0, ROLLBACK, rolled),
            (0, "BF58030101FF", rolled),
            (1, ROLLBACK, lambda _bench: None),
            (1, ROLLBACK, both(rolled, unassociated)),
            (5, ROLLBACK, both(rolled, BUSY)),
            (7, "BF5800", rolled),
            (
                7,
                ROLLBACK,
                both(rolled, lambda bench: bench.card.engine.commit(bench.state.without_profiles((ICCID2,)))),
            ),
            (127, ROLLBACK, force("cmdResult")),
        )
    ),
    *(
        Case(
            "ConfigureImmediateProfileEnablingResponse.configImmediateEnableResult",
            code,
            function(IMMEDIATE_SETTINGS, "ConfigureImmediateProfileEnablingResponse"),
            setup,
        )
        for code, setup in (
            (0, unassociated),
            (1, both(unassociated, knob(configuration_memory=False))),
            (2, lambda _bench: None),
            (127, force("configImmediateEnableResult")),
        )
    ),
    *(
        Case(
            "ExecuteFallbackMechanismResponse.executeFallbackMechanismResult",
            code,
            function(FALLBACK, "ExecuteFallbackMechanismResponse"),
            setup,
        )
        for code, setup in (
            (0, enabled(ICCID1)),
            (2, lambda _bench: None),
            (5, both(enabled(ICCID1), BUSY)),
            (6, profile(ICCID2, fallback_attribute=False)),
            (6, both(enabled(ICCID1), capabilities(fallback_supported=False))),
            (7, enabled(None)),
            (104, both(enabled(ICCID1), emergency)),
            (127, force("executeFallbackMechanismResult")),
        )
    ),
    *(
        Case(
            "ReturnFromFallbackResponse.returnFromFallbackResult",
            code,
            function(RETURN, "ReturnFromFallbackResponse"),
            setup,
        )
        for code, setup in (
            (0, on_fallback),
            (5, both(on_fallback, BUSY)),
            (6, lambda _bench: None),
            (6, both(on_fallback, lambda bench: bench.card.engine.commit(bench.state.without_profiles((ICCID1,))))),
            (7, both(on_fallback, emergency)),
            (127, force("returnFromFallbackResult")),
        )
    ),
    *(
        Case(
            "EnableEmergencyProfileResponse.enableEmergencyProfileResult",
            code,
            function(EMERGENCY_ON, "EnableEmergencyProfileResponse"),
            setup,
        )
        for code, setup in (
            (0, ecall),
            (2, both(ecall, enabled(ICCID1))),
            (5, both(ecall, BUSY)),
            (8, lambda _bench: None),
            (8, both(ecall, capabilities(ecall_supported=False))),
            (127, force("enableEmergencyProfileResult")),
        )
    ),
    *(
        Case(
            "DisableEmergencyProfileResponse.disableEmergencyProfileResult",
            code,
            function(EMERGENCY_OFF, "DisableEmergencyProfileResponse"),
            setup,
        )
        for code, setup in (
            (0, emergency),
            (2, lambda _bench: None),
            (5, both(emergency, BUSY)),
            (127, force("disableEmergencyProfileResult")),
        )
    ),
    Case("ConnectivityParametersError", 1, function("BF5F00", "GetConnectivityParametersResponse")),
    Case(
        "ConnectivityParametersError",
        127,
        function("BF5F00", "GetConnectivityParametersResponse"),
        force("connectivityParametersError"),
    ),
    Case("IpaeActivationResponse.ipaeActivationResult", 1, function("BF420480020780", "IpaeActivationResponse")),
    Case(
        "IpaeActivationResponse.ipaeActivationResult",
        0,
        function("BF420480020780", "IpaeActivationResponse"),
        capabilities(ipae_supported=True),
    ),
    Case(
        "NotificationSentResponse.deleteNotificationStatus",
        0,
        function("BF3003800107", "NotificationSentResponse"),
        lambda bench: (bench.change(next_sequence_number=7), bench.run(LIST)),
    ),
    Case("NotificationSentResponse.deleteNotificationStatus", 1, function("BF3003800163", "NotificationSentResponse")),
    Case(
        "NotificationSentResponse.deleteNotificationStatus",
        127,
        function("BF3003800107", "NotificationSentResponse"),
        force("deleteNotificationStatus"),
    ),
    Case(
        "ListNotificationResponse.listNotificationsResultError",
        127,
        function("BF2800", "ListNotificationResponse"),
        force("listNotificationsResultError"),
    ),
    Case(
        "EuiccPackageErrorUnsigned.euiccPackageUnsignedErrorCode",
        127,
        lambda bench: unsigned_code(bench, bench.package(LIST, token=9)),
        knob(unsigned_error_code=True),
    ),
    Case(
        "EuiccPackageErrorUnsigned.euiccPackageUnsignedErrorCode",
        15,
        lambda bench: unsigned_code(bench, bench.package(LIST)),
        knob(unsigned_error_code=True, maximum_package_bytes=20),
    ),
]
