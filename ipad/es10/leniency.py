"""Where eUICCs in the field differ from SGP.22 and SGP.32, and what is done about it, each under a name.

The strict form always goes first. A status word that says "incorrect data" means that the eUICC executed nothing, so
the other form may follow; a form that worked is kept for the life of the object, which belongs to one eUICC.

`untagged-refresh-flag`: refreshFlag of BF58 and BF5A to BF5E is `80` by automatic tagging; some eUICCs know the
untagged BOOLEAN `01` only.

`untagged-ci-key-id`: euiccCiPKId of GetCerts is `80`; some eUICCs know the untagged OCTET STRING `04` only.

`plain-tag-list`: an eUICC may refuse a whole list of profiles because it does not know a tag that later versions
added. The list is asked for once more without those tags, each time: what another function needs may differ.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

from ipad.codec import tlv
from ipad.errors import CodecError, StatusWordError

logger = logging.getLogger(__name__)

T = TypeVar("T")

INCORRECT_DATA: Final = 0x6A80
LATE_PROFILE_TAGS: Final = frozenset({0x9F7B, 0x9F67, 0x9F26})
"""ecallIndication, fallbackAllowed and fallbackAttribute of ProfileInfo, which SGP.32 added."""

_STRICT: Final = 0x80
_UNTAGGED: Final = {"untagged-refresh-flag": 0x01, "untagged-ci-key-id": 0x04}


class CardLeniency:
    """What was learned about one eUICC."""

    def __init__(self) -> None:
        self._learned: set[str] = set()

    @property
    def learned(self) -> frozenset[str]:
        """Names of the deviations that this eUICC needs."""
        return frozenset(self._learned)

    async def with_either_tag(self, name: str, send: Callable[[int], Awaitable[T]]) -> T:
        """Call `send` with the strict tag of a component, then with the untagged form if the eUICC refuses the data.

        Raises what `send` raises; after two refusals the first one.
        """
        other = _UNTAGGED[name]
        if name in self._learned:
            return await send(other)
        try:
            return await send(_STRICT)
        except StatusWordError as error:
            if error.sw != INCORRECT_DATA:
                raise
            try:
                result = await send(other)
            except StatusWordError:
                raise error from None
        self._learned.add(name)
        logger.info("%s: the eUICC takes tag %02X where %02X is specified", name, other, _STRICT)
        return result


def plain_tag_list(tag_list: bytes | None) -> bytes | None:
    """The tag list without the late tags, or None when that changes nothing or leaves nothing."""
    if tag_list is None:
        return None
    tags = list(split_tags(tag_list))
    plain = b"".join(tlv.encode_tag(tag) for tag in tags if tag not in LATE_PROFILE_TAGS)
    return plain if plain and plain != tag_list else None


def split_tags(tag_list: bytes) -> Iterator[int]:
    """The tags of a tag list, of one or more bytes each. Raises CodecError for a tag that is cut off."""
    pos = 0
    while pos < len(tag_list):
        end = pos + 1
        if tag_list[pos] & 0x1F == 0x1F:
            while end < len(tag_list) and tag_list[end] & 0x80:
                end += 1
            end += 1
        if end > len(tag_list):
            raise CodecError(f"tag list ends inside tag {tag_list[pos:].hex().upper()}")
        yield int.from_bytes(tag_list[pos:end], "big")
        pos = end
