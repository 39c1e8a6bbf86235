"""Channels whose providers answer soon."""

from typing import Final

from madan_sara.activities.sender import running_seconds
from madan_sara.contracts.channels import Channel

#: How long a channel counts as slow. One call in so long shows that it is prompt again, and keeps
#: one task of a workflow open meanwhile.
_SLOW_SECONDS: Final = 30.0


class PromptChannels:
    """Remembers which channels were slow, in this process."""

    def __init__(self) -> None:
        self._slow_until: dict[Channel, float] = {}

    def is_prompt(self, channel: Channel) -> bool:
        """Whether its calls are worth waiting for."""
        return self._slow_until.get(channel, 0.0) <= running_seconds()

    def was_slow(self, channel: Channel) -> None:
        """Note that a call has taken long."""
        self._slow_until[channel] = running_seconds() + _SLOW_SECONDS
