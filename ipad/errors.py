"""Every error that the agent raises, in one tree whose branches say what to do next.

::

    IpadError                      .exit_code, .hint
    ├── ConfigError                the operator must change a file           (78)
    ├── UsageError                 a command was called wrongly              (2)
    ├── NotFoundError              no such profile, eIM, notification        (10)
    ├── RefusedError               not allowed on this eUICC, by rule        (4)
    │   └── NotPermittedError      not allowed to this user                  (4)
    ├── BusyError                  another has it, or something must end first (75)
    ├── NoDaemonError              the daemon does not answer                (8)
    ├── RemoteError                what the daemon told, with its own exit code
    ├── StateError                 the state file cannot be read or written  (1)
    ├── CodecError                 bytes of a peer do not follow the specification (1)
    ├── TransportError             a link failed; .transient says whether waiting helps
    │   ├── PortError              serial port missing, busy, silent, lost   (6)
    │   │   └── ModemError         the modem answered +CME/+CMS ERROR or nonsense (1)
    │   ├── CardError              no eUICC, channel lost, unusable answer   (1)
    │   │   ├── ResetNeededError   the card refuses everything until it is reset (75)
    │   │   └── StatusWordError    .sw: the card refused a command           (4)
    │   ├── BearerError            the data link cannot be asked for         (6)
    │   ├── HelperError            the privileged helper is missing, refuses, or fails (1)
    │   └── NetworkError           DNS, TCP, TLS, HTTP towards a server      (6)
    │       ├── TlsTrustError      the server is not the one that is trusted
    │       ├── HttpStatusError    .status, .retry_after
    │       │   └── CoapStatusError  the same of CoAP
    │       └── ExchangeError      an answer that is no ESipa or RSP message
    ├── EuiccResultError           an ES10 function answered a result code   (4)
    └── ServerResultError          an ESipa or ES9+ function answered an error (5)

A message names what was expected, what came and where. Exit codes are those of the manual.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the command `ipad`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    TIMEOUT = 3
    REFUSED_BY_EUICC = 4
    REFUSED_BY_SERVER = 5
    NETWORK = 6
    NO_DAEMON = 8
    NOT_FOUND = 10
    TRY_AGAIN = 75
    CONFIG = 78


class IpadError(Exception):
    """Root of all errors of the agent. `hint` is advice for a person and no part of the message."""

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ConfigError(IpadError):
    """The configuration is wrong; the message names file and key."""

    exit_code = ExitCode.CONFIG


class UsageError(IpadError):
    """A command was called with arguments that make no sense."""

    exit_code = ExitCode.USAGE


class NotFoundError(IpadError):
    """The named profile, eIM or notification does not exist."""

    exit_code = ExitCode.NOT_FOUND


class RefusedError(IpadError):
    """The operation is not allowed on this eUICC."""

    exit_code = ExitCode.REFUSED_BY_EUICC


class NotPermittedError(RefusedError):
    """The operation is allowed to root, the daemon's own user and the members of its group only."""


class BusyError(IpadError):
    """What is asked for is in use, or something else has to end before."""

    exit_code = ExitCode.TRY_AGAIN


class NoDaemonError(IpadError):
    """The daemon does not run, or does not answer as it should."""

    exit_code = ExitCode.NO_DAEMON


class RemoteError(IpadError):
    """An error that the daemon told: its class as `kind`, the `code` and `name` of the peer, and its exit code."""

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        hint: str | None = None,
        code: int | None = None,
        name: str | None = None,
        exit_code: ExitCode = ExitCode.FAILED,
    ) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind
        self.code = code
        self.name = name
        self.exit_code = exit_code


class StateError(IpadError):
    """The state directory or file cannot be used."""


class CodecError(IpadError):
    """Bytes that do not follow the specification. `path` is where, outermost first."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.reason = message
        self.path = path


class TransportError(IpadError):
    """A link failed. `transient` is true when waiting or reopening may help."""

    def __init__(self, message: str, *, transient: bool = True, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.transient = transient


class PortError(TransportError):
    """The serial port is missing, busy, silent or was lost."""

    exit_code = ExitCode.NETWORK


class PortTimeoutError(PortError):
    """The modem did not finish an answer in time."""

    exit_code = ExitCode.TIMEOUT


class ModemError(PortError):
    """The modem ended a command with an error. `code` is the +CME/+CMS number, if it gave one."""

    exit_code = ExitCode.FAILED

    def __init__(
        self, message: str, *, code: int | None = None, transient: bool = True, hint: str | None = None
    ) -> None:
        super().__init__(message, transient=transient, hint=hint)
        self.code = code


class CardError(TransportError):
    """There is no usable eUICC, or the channel to it was lost."""

    exit_code = ExitCode.FAILED


class NoEuiccError(CardError):
    """The ISD-R cannot be selected: the card is no eUICC, or it is not open to this terminal."""


class ResetNeededError(CardError):
    """The eUICC answers 6985 to everything, as some do after a profile switch: only a reset of the card helps."""

    exit_code = ExitCode.TRY_AGAIN


class StatusWordError(CardError):
    """The card refused a command with status word `sw` (SGP.22 5.7.2; TS 102 221 10.2.1)."""

    exit_code = ExitCode.REFUSED_BY_EUICC

    def __init__(self, message: str, *, sw: int, transient: bool = False) -> None:
        super().__init__(message, transient=transient)
        self.sw = sw


class BearerError(TransportError):
    """The data link cannot be asked for. `name` is the error name of D-Bus, where there is one."""

    exit_code = ExitCode.NETWORK

    def __init__(self, message: str, *, transient: bool = True, hint: str | None = None, name: str = "") -> None:
        super().__init__(message, transient=transient, hint=hint)
        self.name = name


class HelperError(TransportError):
    """The privileged helper is not there, refuses what is asked, or could not do it."""


class NetworkError(TransportError):
    """A server could not be reached or the exchange broke. `layer`: dns, tcp, tls, http, body.

    `answered` is set where it is known that something came back, even if only a refusal.
    """

    exit_code = ExitCode.NETWORK

    def __init__(
        self, message: str, *, layer: str, transient: bool = True, hint: str | None = None, answered: bool = False
    ) -> None:
        super().__init__(message, transient=transient, hint=hint)
        self.layer = layer
        self.answered = answered


class NetworkTimeoutError(NetworkError):
    """The whole exchange took longer than its limit."""

    exit_code = ExitCode.TIMEOUT


class TlsTrustError(NetworkError):
    """The server showed a certificate that the trust data of this eIM or SM-DP+ does not allow.

    `dates` is set when nothing is wrong but the time: from when until when the whole chain is valid, in seconds since
    1970.
    """

    def __init__(self, message: str, *, hint: str | None = None, dates: tuple[float, float] | None = None) -> None:
        super().__init__(message, layer="tls", transient=False, hint=hint, answered=True)
        self.dates = dates


class HttpStatusError(NetworkError):
    """An HTTP status that is no success. `retry_after` is in seconds."""

    def __init__(self, message: str, *, status: int, transient: bool, retry_after: float | None = None) -> None:
        super().__init__(message, layer="http", transient=transient)
        self.status = status
        self.retry_after = retry_after


class CoapStatusError(HttpStatusError):
    """A response code of CoAP that is no success; `status` is the code without its dot: 4.04 is 404."""

    def __init__(self, message: str, *, status: int, transient: bool, retry_after: float | None = None) -> None:
        super().__init__(message, status=status, transient=transient, retry_after=retry_after)
        self.layer = "coap"


class ExchangeError(NetworkError):
    """HTTP was fine, the body was not the expected message."""

    def __init__(self, message: str) -> None:
        super().__init__(message, layer="body", transient=True)


class EuiccResultError(IpadError):
    """An ES10 function answered a result code other than ok. `response` is its answer, where somebody else needs it."""

    exit_code = ExitCode.REFUSED_BY_EUICC

    def __init__(self, function: str, code: IntEnum, *, response: bytes | None = None) -> None:
        super().__init__(f"{function}: the eUICC answered {code}")
        self.function = function
        self.code = code
        self.response = response


class ServerResultError(IpadError):
    """An ESipa or ES9+ function answered an error code. `response` is its answer as received, where it is kept."""

    exit_code = ExitCode.REFUSED_BY_SERVER

    def __init__(self, function: str, code: IntEnum, detail: str = "", *, response: bytes | None = None) -> None:
        super().__init__(f"{function}: the server answered {code}{detail and ': ' + detail}")
        self.function = function
        self.code = code
        self.response = response


class RspStatusError(IpadError):
    """The function execution status of a JSON answer is no success (SGP.22 5.2.6, 6.5.1.4)."""

    exit_code = ExitCode.REFUSED_BY_SERVER

    def __init__(self, function: str, *, status: str, subject: str, reason: str, message: str) -> None:
        codes = f" {subject}/{reason}" if subject or reason else ""
        super().__init__(f"{function}: the server answered {status or 'no status'}{codes}{message and ': ' + message}")
        self.function = function
        self.status = status
        self.subject = subject
        self.reason = reason


class DownloadCheckError(IpadError):
    """A check of the agent ended a profile download before anything was installed.

    `reason` is what the server is told (CancelSessionReason of SGP.22 5.7.14), None where there is no session yet.
    """

    def __init__(self, message: str, *, reason: IntEnum | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
