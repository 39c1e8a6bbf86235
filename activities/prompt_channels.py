"""Channels whose providers answer soon."""

from typing import Final

from madan_sara.activities.sender import running_seconds
from madan_sara.contracts.channels import Channel

#: How often one call shows whether a slow channel is prompt again; it keeps one task of a workflow
#: open meanwhile.
_SLOW_SECONDS: Final = 30.0


class PromptChannels:
    """Remembers which channels were slow, in this process."""

    def __init__(self) -> None:
        self._slow_until: dict[Channel, float] = {}

    def may_try(self, channel: Channel) -> bool:
        """Whether a call is worth waiting for; of a slow channel only one in a while is."""
        now = running_seconds()
        if self._slow_until.get(channel, now) > now:
            return False
        if channel in self._slow_until:
            self.was_slow(channel)
        return True

    def was_slow(self, channel: Channel) -> None:
        """Note that a call has taken long."""
        self._slow_until[channel] = running_seconds() + _SLOW_SECONDS

    def was_prompt(self, channel: Channel) -> None:
        """Note that a call has not."""
        self._slow_until.pop(channel, None)
