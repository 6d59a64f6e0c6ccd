"""What a probe proves. The eIM is the final judge, but only an authenticated answer is a judgement.

Silence of the eIM alone never condemns a profile: it may be the eIM that is down, for a whole fleet at once. So four
verdicts are told apart, and only the last one is loss of connectivity:

- PROVEN: the authenticated eIM answered.
- ALIVE: another server answered, the TLS handshake with the eIM was complete, or only a wrong local clock stood in the
  way. The path works, the eIM is in trouble.
- UNCLEAR: packets came back, but from no further than the operator's network, and no other server was asked.
- DEAD: nothing came back, or every server that was asked kept silent.
"""

from __future__ import annotations

from enum import StrEnum

from ipad.policy.events import Layer, ProbeResult


class Verdict(StrEnum):
    """What is known of the data path; NONE: there was no bearer to look through."""

    NONE = "none"
    DEAD = "dead"
    UNCLEAR = "unclear"
    ALIVE = "alive"
    PROVEN = "proven"

    @property
    def works(self) -> bool:
        """Whether at least packets come back."""
        return self in (Verdict.UNCLEAR, Verdict.ALIVE, Verdict.PROVEN)


def judge(probe: ProbeResult, *, others_known: bool) -> Verdict:  # noqa: PLR0911 - one return for each case
    """The verdict on one probe.

    `others_known`: the other servers answered on this profile before. Until then their silence says nothing, for a
    private network may hide them always.
    """
    if probe.reached is Layer.EIM:
        return Verdict.PROVEN
    if probe.clock or probe.others or probe.reached is Layer.TLS:
        return Verdict.ALIVE
    if probe.reached is Layer.TCP:
        return Verdict.UNCLEAR
    if probe.reached.rank < Layer.BEARER.rank:
        return Verdict.NONE
    if probe.others is False and others_known:
        return Verdict.DEAD
    if probe.packets or probe.reached is Layer.DNS:
        return Verdict.UNCLEAR
    return Verdict.DEAD
