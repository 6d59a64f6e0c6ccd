"""What every procedure works with: the eUICC, the connections to eIMs, the bearer, the journal, time and limits."""

from __future__ import annotations

from ipad.clock import Clock
from ipad.codec.eim import EimConfigurationData
from ipad.codec.esipa import EimPackageResult, ProvideEimPackageResult, StateChangeCause
from ipad.codec.euicc_info import DeviceInfo, IpaCapabilities, IpaFeatures, IpaSupportedProtocols
from ipad.codec.euicc_package import EuiccPackageResult
from ipad.ids import Eid
from ipad.policy.limits import Limits, Timers
from ipad.procedures.download_settings import DownloadSettings, DownloadTurn
from ipad.procedures.observer import Observer, Unobserved
from ipad.procedures.ports import Connectivity, Eim, EimConnector, Euicc, RspConnector
from ipad.procedures.progress import ProgressListener, unheeded
from ipad.records import dataclass, field, replace
from ipad.state.journal import Journal

IPA_CAPABILITIES = IpaCapabilities(
    ipa_features=IpaFeatures.DIRECT_RSP_SERVER_COMMUNICATION
    | IpaFeatures.INDIRECT_RSP_SERVER_COMMUNICATION
    | IpaFeatures.EIM_DOWNLOAD_DATA_HANDLING,
    ipa_supported_protocols=IpaSupportedProtocols.IPA_RETRIEVE_HTTPS,
)
"""What this version does, and no more: an eIM uses a capability as soon as it is reported (SGP.32 4.1)."""


class EimConnections:
    """One connection per eIM, kept for a whole run: some eIMs bind an order to the connection on which they gave it."""

    def __init__(self, connector: EimConnector) -> None:
        self._connector = connector
        self._open: dict[bytes, Eim] = {}

    def unusable(self, eim: EimConfigurationData) -> str | None:
        """Why the eIM cannot be contacted, or None."""
        return self._connector.unusable(eim)

    def to(self, eim: EimConfigurationData) -> Eim:
        """The connection that belongs to exactly this configuration data."""
        key = eim.encode()
        if key not in self._open:
            self._open[key] = self._connector.connect(eim)
        return self._open[key]

    async def drop(self, eim: EimConfigurationData) -> None:
        """Close the connection of this configuration data, if there is one."""
        connection = self._open.pop(eim.encode(), None)
        if connection is not None:
            await connection.close()

    async def close_all(self) -> None:
        """Close every connection: the bearer changed, or the run is over."""
        while self._open:
            _, connection = self._open.popitem()
            await connection.close()


@dataclass(kw_only=True)
class Session:
    """What is remembered between the runs of one process, and need not survive it.

    `announce`: causes that eIMs are told because the IPA has just started. `handed_over`: sequence numbers of signed
    results that reached their eIM; they are not pushed again. `pushed_to`: eIMs that got the stored results of before.
    `downloads`: whose turn it is to download a profile. `followed`: the modem was made to read the card in
    this process after a change of profile.
    """

    ecall_supported: bool = False
    announce: dict[str, StateChangeCause] = field(default_factory=dict)
    handed_over: set[int] = field(default_factory=set)
    pushed_to: set[str] = field(default_factory=set)
    downloads: DownloadTurn = field(default_factory=DownloadTurn)
    followed: bool = False

    def note_handed_over(self, result: EuiccPackageResult | None) -> None:
        """Remember that a result reached its eIM; errors have no number and are not stored on the eUICC."""
        if result is not None and result.euicc_package_result_signed is not None:
            data = result.euicc_package_result_signed.euicc_package_result_data_signed
            self.handed_over.add(data.seq_number)


@dataclass(frozen=True, kw_only=True)
class Ipa:
    """The ports and settings of one IPA with one eUICC. `rsp` is None where no RSP server is trusted (SGP.22 2.6.6).

    `minimized` are the eIMs to which compact messages go.
    """

    eid: Eid
    euicc: Euicc
    eims: EimConnections
    connectivity: Connectivity
    journal: Journal
    clock: Clock
    timers: Timers = field(default_factory=Timers)
    limits: Limits = field(default_factory=Limits)
    capabilities: IpaCapabilities = IPA_CAPABILITIES
    device_info: DeviceInfo | None = None
    strict_tag_list: bool = False
    refresh_flag: bool = True
    session: Session = field(default_factory=Session)
    rsp: RspConnector | None = None
    download: DownloadSettings = field(default_factory=DownloadSettings)
    progress: ProgressListener = unheeded
    minimized: frozenset[str] = frozenset()
    observer: Observer = field(default_factory=Unobserved)

    def capabilities_for(self, eim_id: str) -> IpaCapabilities:
        """What one eIM is told that the IPA does (SGP.32 4.1)."""
        if eim_id not in self.minimized:
            return self.capabilities
        features = self.capabilities.ipa_features | IpaFeatures.MINIMIZE_ESIPA_BYTES
        return replace(self.capabilities, ipa_features=features)

    @property
    def eim_checks_metadata(self) -> bool:
        """Whether the eIM was told that it judges the metadata of relayed profiles (SGP.32 4.1)."""
        return bool(self.capabilities.ipa_features & IpaFeatures.EIM_PROFILE_METADATA_VERIFICATION)

    def wrap_result(self, result: bytes) -> ProvideEimPackageResult:
        """The message of ESipa.ProvideEimPackageResult around an EimPackageResult TLV, which is carried as it is."""
        return ProvideEimPackageResult(eid_value=self.eid.octets, eim_package_result=EimPackageResult(unknown=result))

    def wall_time(self) -> float:
        """The wall clock, but never before a time that has certainly passed."""
        return max(self.clock.time(), self.journal.content.time_floor)
