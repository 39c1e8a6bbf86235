"""The words for the choice of a channel and of a send time."""

from collections.abc import Mapping
from typing import Final

from madan_sara.contracts.decision import RoutingReason, RuledOut, TimingReason, ZoneSource

#: Why a channel was chosen.
ROUTING: Final[Mapping[RoutingReason, str]] = {
    RoutingReason.USER_PREFERENCE: "the recipient prefers it",
    RoutingReason.CAMPAIGN_PRIORITY: (
        "it comes first in the campaign's priority for this kind of customer"
    ),
    RoutingReason.PERFORMANCE: (
        "it scores best, with what is known of this person's reactions to earlier messages"
    ),
    RoutingReason.BEST_PRACTICE: (
        "it scores best by best practice; nothing is known yet of this person's reactions"
    ),
}

#: Reasons that rule a channel out.
RULED_OUT: Final[Mapping[RuledOut, str]] = {
    RuledOut.NO_CONTACT: "no address",
    RuledOut.NO_CONTENT: "no text",
    RuledOut.SUPPRESSED: "must not be contacted",
    RuledOut.RECENTLY_MESSAGED: "used too recently",
    RuledOut.TOO_LONG: "text too long",
    RuledOut.NO_PROVIDER: "no provider",
    RuledOut.NO_SEND_TIME: "no time left",
}

#: The reason why a channel that is not ruled out goes last.
USED_LATELY: Final = "used for this person lately, so others go first"

#: Rules that choose a send time.
TIMING: Final[Mapping[TimingReason, str]] = {
    TimingReason.IMMEDIATE: "the first allowed moment; no best time is looked for",
    TimingReason.CAMPAIGN_OPTIMAL: "the campaign's own best time for this channel",
    TimingReason.BEST_PRACTICE: "the best time for this channel and customer by best practice",
    TimingReason.REQUESTED: "the time it was rescheduled to",
}

#: Owners of the clock a local time is taken from.
ZONES: Final[Mapping[ZoneSource, str]] = {
    ZoneSource.RECIPIENT: "the recipient's time zone",
    ZoneSource.CAMPAIGN: "the campaign's time zone, not the recipient's own",
    ZoneSource.UTC: "neither the recipient nor the campaign has a time zone",
}


def why_ruled_out(ruled_out: RuledOut, detail: str | None) -> str:
    """The reason that rules a channel out, in short and in full."""
    short = RULED_OUT[ruled_out]
    return f"{short}: {detail}" if detail else short
