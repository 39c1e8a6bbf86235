"""The stored counts of a campaign."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class TallyKind(StrEnum):
    """The kind of a count."""

    STATE = "state"  #: Messages, by state and reason.
    RECEIPT = "receipt"  #: Messages with a receipt, by its kind; and those `engaged`.
    CONVERSION = "conversion"  #: Conversions, with their value.


#: Name of the receipts' tally of messages opened, clicked or replied to: each counts once.
ENGAGED: Final = "engaged"


@dataclass(frozen=True)
class Tally:
    """One count."""

    kind: TallyKind
    #: The state, or the kind of receipt.
    name: str
    #: Why a message ended unsent; empty: there is no reason.
    reason: str
    #: Empty: there was no channel yet.
    channel: str
    #: Messages, or conversions.
    messages: int
    amount_micros: int = 0


@dataclass(frozen=True)
class Tallies:
    """Every count of a campaign at one instant."""

    counts: Sequence[Tally] = ()

    def messages(self, kind: TallyKind, *names: str, channel: str | None = None) -> int:
        """The number, of a kind and some names, on one channel or on all."""
        return sum(tally.messages for tally in self._chosen(kind, names, channel))

    def amount_micros(self, kind: TallyKind, *names: str, channel: str | None = None) -> int:
        """Their value, in micro-units."""
        return sum(tally.amount_micros for tally in self._chosen(kind, names, channel))

    def by_state(self) -> dict[str, int]:
        """Messages by state; states without a message are left out."""
        return self._summed("name", self._chosen(TallyKind.STATE, (), None))

    def by_reason(self, *states: str) -> dict[str, int]:
        """Messages in some states by reason; those without one are left out."""
        found = self._summed("reason", self._chosen(TallyKind.STATE, states, None))
        return {reason: messages for reason, messages in found.items() if reason}

    def channels(self) -> set[str]:
        """Every channel with counts."""
        return {tally.channel for tally in self.counts if tally.channel}

    def _chosen(
        self, kind: TallyKind, names: Sequence[str], channel: str | None
    ) -> Iterator[Tally]:
        return (
            tally
            for tally in self.counts
            if tally.kind is kind
            and (not names or tally.name in names)
            and (channel is None or tally.channel == channel)
        )

    @staticmethod
    def _summed(field: str, tallies: Iterator[Tally]) -> dict[str, int]:
        sums: dict[str, int] = {}
        for tally in tallies:
            key = str(getattr(tally, field))
            sums[key] = sums.get(key, 0) + tally.messages
        return {key: messages for key, messages in sorted(sums.items()) if messages}
