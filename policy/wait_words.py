"""The words for a wait, the same wherever it is shown."""

from datetime import UTC

from madan_sara.contracts.delivery import MISCONFIGURED, ChannelWait


def explain_wait(wait: ChannelWait) -> str:
    """What due messages wait for, like `email: mail.example.org:587 is away since 10:04 UTC`."""
    return f"{_trouble(wait)}{_advice(wait)}"


def explain_waits(wait: ChannelWait) -> str:
    """The same of several messages, with their number."""
    return f"{_trouble(wait)}, {wait.messages:,} due{_advice(wait)}"


def _trouble(wait: ChannelWait) -> str:
    since = f"{wait.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if wait.account is None:
        return f"{wait.channel}: the provider puts the recipient off since {since} ({wait.code})"
    does = "refuses our settings" if wait.code == MISCONFIGURED else "is away"
    return f"{wait.channel}: {wait.account} {does} since {since} ({wait.code})"


def _advice(wait: ChannelWait) -> str:
    return "; see the worker's log" if wait.code == MISCONFIGURED else ""
