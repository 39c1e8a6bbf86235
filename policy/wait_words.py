"""The words for a wait, the same wherever it is shown."""

from datetime import UTC

from contracts.delivery import ChannelWait


def explain_wait(wait: ChannelWait) -> str:
    """What due messages wait for, like `email: mail.example.org:587 is away since 10:04 UTC`."""
    since = f"{wait.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if wait.account is None:
        return f"{wait.channel}: the provider puts the recipient off since {since} ({wait.code})"
    return f"{wait.channel}: {wait.account} is away since {since} ({wait.code})"


def explain_waits(wait: ChannelWait) -> str:
    """The same of several messages, with their number."""
    return f"{explain_wait(wait)}, {wait.messages:,} due"
