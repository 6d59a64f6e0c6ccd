"""The session with the ISD-R: one request at a time, a channel opened on demand and again after it was lost.

Two questions decide what happens after a failure. Did the card act? It acts on the last block of a request only, and
never on one that it answers 6881, 6D00 or 6E00. And may it act twice? That only the caller knows (`repeatable`). So a
request is sent again when it certainly was not executed, or when a second execution does no harm; otherwise the
caller gets a CardError that says that the outcome is open.
"""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import Final, Self

from ipad.apdu.exchange import ExchangeRules, StoreDataExchange
from ipad.card.channel import CardChannel
from ipad.errors import CardError, ModemError, NoEuiccError, PortError, ResetNeededError, StatusWordError
from ipad.records import dataclass

logger = logging.getLogger(__name__)

ISDR_AID: Final = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
"""AID of the ISD-R (SGP.02 annex H; SGP.22 2.4.3)."""

BLOCK_SIZES: Final = (255, 200, 120, 60)
"""Steps down which the block size goes when the modem refuses long lines."""

_NOT_EXECUTED: Final = frozenset({0x6881, 0x6D00, 0x6E00})
_CONDITIONS_NOT_SATISFIED: Final = 0x6985


@dataclass(frozen=True, slots=True)
class SessionRules:
    """`aids`: tried in order, since some removable eUICCs have an ISD-R of their own. The rest as in ExchangeRules."""

    aids: tuple[bytes, ...] = (ISDR_AID,)
    append_le: bool = False
    get_response_cla: int = 0x00


@dataclass(slots=True)
class _Recovery:
    """What was already tried for one request."""

    reopened: bool = False
    repeated: bool = False


class IsdrSession:
    """The only user of a channel. Calls from several tasks queue up."""

    def __init__(self, channel: CardChannel, rules: SessionRules | None = None) -> None:
        self._channel = channel
        self._rules = rules or SessionRules()
        self._lock = asyncio.Lock()
        self._open = False
        self._stale = False
        self._worked = False
        self._max_data = min(channel.max_data, BLOCK_SIZES[0])
        self._accepted = 0
        self._generation = 0
        self.fci = b""

    @property
    def generation(self) -> int:
        """Grows whenever the card may have been initialised, by us or by others, or is not what it was."""
        return self._generation

    @property
    def max_data(self) -> int:
        """Bytes per STORE DATA block in use."""
        return self._max_data

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the channel now. Raises NoEuiccError, CardError, PortError."""
        async with self._lock:
            await self._ensure_open()

    async def transceive(self, request: bytes, *, repeatable: bool = False) -> bytes:
        """Send one ES10 request TLV, return the response TLV (b"" when the card answers without data).

        `repeatable`: a second execution does no harm, so the request may be sent again when its answer was lost.
        Raises StatusWordError when the card refuses, ResetNeededError when it refuses everything, CardError
        (transient) when the answer of a request that is not repeatable was lost, NoEuiccError, PortError.
        """
        async with self._lock:
            recovery = _Recovery()
            while True:
                await self._ensure_open()
                exchange = self._exchange(request, repeatable=repeatable)
                try:
                    await self._run(exchange)
                except StatusWordError as error:
                    await self._after_refusal(error, recovery, repeatable=repeatable)
                except (CardError, PortError) as error:
                    await self._after_loss(error, exchange, recovery, repeatable=repeatable)
                else:
                    return await self._finish(exchange)

    async def transceive_segment(self, data: bytes) -> bytes:
        """Send one segment of a BoundProfilePackage (SGP.22 5.7.6); return what the card answers, mostly b"".

        The channel stays as it is: the card counts segments. Raises like `transceive` for what is not repeatable.
        """
        async with self._lock:
            await self._ensure_open()
            while True:
                exchange = self._exchange(data, repeatable=False)
                try:
                    await self._run(exchange)
                except StatusWordError:
                    raise
                except (CardError, PortError) as error:
                    if exchange.last_block_sent:
                        raise self._open_outcome(error) from error
                    if not self._lower_block_size(error, exchange):
                        raise
                else:
                    return exchange.response

    async def close(self) -> None:
        """Close the channel; the next request opens it again. Idempotent."""
        async with self._lock:
            await self._close()

    async def reset(self) -> None:
        """Close the channel and initialise the card anew. Raises CardError or PortError when that is impossible."""
        async with self._lock:
            self._generation += 1
            await self._close()
            await self._channel.reset()

    def invalidate(self) -> None:
        """The card was reset or re-read by someone else: the channel counts as lost before the next request."""
        self._generation += 1
        self._stale = True

    def _exchange(self, request: bytes, *, repeatable: bool) -> StoreDataExchange:
        """Cut a request so that a block length that the modem never took before is no risk.

        A refused line is harmless as long as the card waits for more blocks; the last block, on which the card acts,
        only has a length that is known to pass: that of an earlier block, of the same request or of another one.
        """
        rules = ExchangeRules(
            max_data=self._max_data, append_le=self._rules.append_le, get_response_cla=self._rules.get_response_cla
        )
        untried = max(self._accepted, BLOCK_SIZES[-1]) < len(request) <= self._max_data
        return StoreDataExchange(request, rules, split_last=untried and not repeatable)

    async def _run(self, exchange: StoreDataExchange) -> None:
        command: bytes | None = exchange.start()
        try:
            while command is not None:
                size = exchange.block_size
                response = await self._channel.transmit(command)
                self._accepted = max(self._accepted, size)
                command = exchange.receive(response)
        except asyncio.CancelledError:
            self._stale = True  # nobody knows where the card stands
            raise
        self._worked = True

    async def _finish(self, exchange: StoreDataExchange) -> bytes:
        if exchange.refresh_announced:
            self._generation += 1
            # A channel that is open while the card is reset blocks some modems.
            await self._close()
        return exchange.response

    async def _ensure_open(self) -> None:
        if self._stale:
            await self._close()
        if self._open:
            return
        refusal: NoEuiccError | None = None
        for aid in self._rules.aids:
            try:
                self.fci = await self._channel.open(aid)
            except NoEuiccError as error:
                refusal = refusal or error
            else:
                self._open, self._stale = True, False
                return
        raise refusal or NoEuiccError("no AID of an ISD-R is configured", transient=False)

    async def _close(self) -> None:
        self._open = self._stale = False
        await self._channel.close()

    async def _after_refusal(self, error: StatusWordError, recovery: _Recovery, *, repeatable: bool) -> None:
        """Prepare another attempt after a status word, or raise."""
        self._generation += 1
        if error.sw in _NOT_EXECUTED and not recovery.reopened:
            recovery.reopened = True
            await self._close()
        elif error.sw == _CONDITIONS_NOT_SATISFIED:
            await self._close()
            if not repeatable:
                raise error
            if recovery.reopened:
                raise self._refuses_everything() from error
            recovery.reopened = True
        elif error.transient and repeatable and not recovery.repeated:
            recovery.repeated = True
        else:
            raise error

    def _refuses_everything(self) -> CardError:
        if self._worked:
            return ResetNeededError(
                "the eUICC answers 6985 to requests that it served before, also on a new channel",
                hint="reset the card, or the modem",
            )
        return ResetNeededError(
            "the ISD-R can be selected but answers 6985 to every request",
            hint="reset the card; an M2M eUICC (SGP.02) always answers so: it has no local profile management",
        )

    async def _after_loss(
        self, error: CardError | PortError, exchange: StoreDataExchange, recovery: _Recovery, *, repeatable: bool
    ) -> None:
        """Prepare another attempt after a request without response, or raise."""
        self._generation += 1
        await self._close()
        if exchange.last_block_sent and not repeatable:
            raise self._open_outcome(error) from error
        if not error.transient and not isinstance(error, ModemError):
            raise error
        if not recovery.reopened:
            recovery.reopened = True
            logger.info("channel to the ISD-R lost, opened again: %s", error)
        elif not self._lower_block_size(error, exchange):
            self._max_data = min(self._channel.max_data, BLOCK_SIZES[0])
            raise error

    def _open_outcome(self, error: CardError | PortError) -> CardError:
        return CardError(f"the answer to a request was lost, the eUICC may have executed it: {error}")

    def _lower_block_size(self, error: CardError | PortError, exchange: StoreDataExchange) -> bool:
        """Named behaviour `lower-block-size`: a modem that refuses a long line gets shorter ones from then on."""
        if not isinstance(error, ModemError) or exchange.block_size <= self._accepted:
            return False
        smaller = next((size for size in BLOCK_SIZES if size < exchange.block_size), None)
        if smaller is None:
            return False
        logger.warning("lower-block-size: block of %d bytes refused, now %d: %s", exchange.block_size, smaller, error)
        self._max_data = smaller
        return True
