"""What goes wrong with a target, told apart from what a case finds."""

from __future__ import annotations


class TargetError(Exception):
    """A target that cannot be opened, or does not do what it is told; the message says what was expected."""


class ProtectionError(TargetError):
    """The device must not be touched: it is not the one that was named, or what is wanted would harm it."""


class UnableError(TargetError):
    """The target has an ability, of which it cannot do this part: no finding, the case that wants it is skipped."""


class SettleError(AssertionError):
    """Packages that were not closed in time: a finding of the case that waited for them."""
