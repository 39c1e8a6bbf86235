"""The rules on how often, by which campaigns and with which texts a person is contacted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.instants import in_utc
from madan_sara.contracts.outreach import Block, ClaimResult, ExitReason
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.similarity import overlap, trigrams

DAY: Final = timedelta(hours=24)
WEEK: Final = timedelta(days=7)

#: From here to the threshold that blocks, a similar text is reported as a warning.
#: Source: the project's design; below, short texts of one tenant are alike by chance.
WARNING_SIMILARITY: Final = 0.50


@dataclass(frozen=True)
class RecentClaim:
    """One message a person got or is about to get."""

    message_id: UUID
    campaign_id: UUID
    #: None while no channel has been chosen.
    channel: Channel | None
    claimed_at: datetime
    #: None: still to be sent, which always counts as recent.
    sent_at: datetime | None
    #: Its texts, as `comparable_text`; one per channel it was written for.
    texts: tuple[str, ...] = ()
    #: False: it was for another id that shares a mailbox or number with this person.
    same_id: bool = True

    @property
    def last_at(self) -> datetime:
        """When the person was last contacted by it: sent, or else claimed."""
        return self.sent_at or self.claimed_at

    def within(self, window: timedelta, now: datetime) -> bool:
        """Whether it is unsent, or was sent less than a window ago."""
        return self.sent_at is None or self.sent_at > now - window


def decide_claim(
    *,
    campaign_id: UUID,
    texts: Sequence[str],
    settings: OrchestratorSettings,
    recent: Sequence[RecentClaim],
    now: datetime,
    force: bool,
) -> ClaimResult:
    """Decide whether a person may get one more message.

    First the look-back window of the campaign, then the frequency caps over all
    campaigns, then texts like this one. A forced message skips all three: comparing
    texts is a look-back over the messages of all campaigns.

    Args:
        campaign_id: the campaign that asks.
        texts: the message's texts, one per channel it is written for.
        settings: windows, caps and threshold.
        recent: the person's other live claims.
        now: the present.
        force: whether the message was forced.
    """
    if force:
        return ClaimResult()
    block = find_duplicate(campaign_id, settings, recent, now) or find_frequency_block(
        settings, recent, now
    )
    if block is not None:
        return ClaimResult(block=block)
    block, warnings = find_near_duplicate(texts, settings, recent, now)
    return ClaimResult(block=block, warnings=warnings)


def find_duplicate(
    campaign_id: UUID,
    settings: OrchestratorSettings,
    recent: Sequence[RecentClaim],
    now: datetime,
) -> Block | None:
    """The campaign's own last message to the person, if it is inside the look-back window."""
    window = timedelta(hours=settings.dedup_lookback_hours)
    own = [
        claim for claim in recent if claim.campaign_id == campaign_id and claim.within(window, now)
    ]
    if not own:
        return None
    last = max(own, key=lambda claim: claim.last_at)
    return Block(
        reason=ExitReason.DUPLICATE,
        details={
            "kind": "look_back" if last.same_id else "same_address",
            **_reference(last),
            "lookback_hours": settings.dedup_lookback_hours,
        },
    )


def find_frequency_block(
    settings: OrchestratorSettings, recent: Sequence[RecentClaim], now: datetime
) -> Block | None:
    """The cap of the day or else of the week, if the person's messages have reached it.

    Both are rolling windows that end now, and count messages still to be sent.
    """
    today = sum(claim.within(DAY, now) for claim in recent)
    this_week = sum(claim.within(WEEK, now) for claim in recent)
    if today >= settings.max_messages_per_day:
        period = "day"
    elif this_week >= settings.max_messages_per_week:
        period = "week"
    else:
        return None
    return Block(
        reason=ExitReason.FREQUENCY_CAP,
        details={
            "period": period,
            "messages_sent_today": today,
            "max_messages_per_day": settings.max_messages_per_day,
            "messages_sent_this_week": this_week,
            "max_messages_per_week": settings.max_messages_per_week,
        },
    )


def find_near_duplicate(
    texts: Sequence[str],
    settings: OrchestratorSettings,
    recent: Sequence[RecentClaim],
    now: datetime,
) -> tuple[Block | None, list[str]]:
    """The most similar text the person got lately, over all campaigns.

    Returns:
        A block when the similarity reaches the threshold; else a warning when it is
        at least `WARNING_SIMILARITY`. `near_duplicate_days` of 0 switches both off.
    """
    window = timedelta(days=settings.near_duplicate_days)
    if not window:
        return None, []
    known = [claim for claim in recent if claim.within(window, now)]
    if not known:
        return None, []
    closest, score = _closest(texts, known)
    if closest is None:
        return None, []
    figure = round(score, 2)
    if score >= settings.near_duplicate_threshold:
        details = {"kind": "near_duplicate", **_reference(closest), "similarity": figure}
        return Block(reason=ExitReason.DUPLICATE, details=details), []
    if score >= WARNING_SIMILARITY:
        warning = (
            f"similarity {figure:.2f} to the text of message {closest.message_id}; "
            f"{settings.near_duplicate_threshold:.2f} would block it"
        )
        return None, [warning]
    return None, []


def recent_channels(
    recent: Sequence[RecentClaim], settings: OrchestratorSettings, now: datetime
) -> dict[Channel, datetime]:
    """Channels the person has a message on inside the look-back window, of any campaign.

    Returns:
        The instant of the last message on each.
    """
    window = timedelta(hours=settings.dedup_lookback_hours)
    used: dict[Channel, datetime] = {}
    for claim in recent:
        if claim.channel is not None and claim.within(window, now):
            used[claim.channel] = max(claim.last_at, used.get(claim.channel, claim.last_at))
    return used


def safe_channels(
    channels: Iterable[Channel],
    recent: Sequence[RecentClaim],
    settings: OrchestratorSettings,
    now: datetime,
) -> list[Channel]:
    """The given channels without a recent message to the person, in their order."""
    used = recent_channels(recent, settings, now)
    return [channel for channel in channels if channel not in used]


def _closest(
    texts: Sequence[str], claims: Sequence[RecentClaim]
) -> tuple[RecentClaim | None, float]:
    """The claim with the text most similar to one of these, and its similarity."""
    closest, highest = None, 0.0
    own = [trigrams(text) for text in dict.fromkeys(texts)]
    for claim in claims:
        for other in map(trigrams, claim.texts):
            score = max((overlap(pieces, other) for pieces in own), default=0.0)
            if score > highest:
                closest, highest = claim, score
    return closest, highest


def _reference(claim: RecentClaim) -> dict[str, str]:
    return {
        "last_message_at": in_utc(claim.last_at),
        "last_message_id": str(claim.message_id),
        "campaign_id": str(claim.campaign_id),
    }
