"""What keeps a measurement from being made."""


class BenchError(Exception):
    """The message says what and why."""


class AgentError(BenchError):
    """The agent did not do its part; the message says what it printed."""


class MissingMessageError(BenchError):
    """A procedure went without a message that it needs."""
