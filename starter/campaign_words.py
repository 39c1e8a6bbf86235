"""A campaign's figures in words: its day, and the waits of its queued messages."""

from datetime import UTC, datetime

from madan_sara.contracts.campaign import FINAL_STATUSES, CampaignStatus
from madan_sara.contracts.campaign_run import WaitReason
from madan_sara.contracts.outreach import Details, ExitReason, OutreachState
from madan_sara.contracts.words.ends import why_unsent
from madan_sara.contracts.words.waits import CAMPAIGN_WAITS
from madan_sara.starter.campaign_status import CampaignStatusResult


def explain_queue(status: CampaignStatusResult, reason: ExitReason | None, details: Details) -> str:
    """The wait of a queued message, in words.

    Args:
        status: its campaign's status.
        reason: the limit that had no room for it, if its campaign has started it before.
        details: the figures of that limit.
    """
    campaign_id, stands = status["campaign_id"], status["campaign_status"]
    if stands in FINAL_STATUSES:
        return f"its campaign to close it, which is {stands.replace('_', ' ')}"
    if stands == CampaignStatus.PAUSED:
        return (
            "its campaign to be resumed, which is paused; "
            f"`madan-sara campaign resume {campaign_id}` goes on"
        )
    if not status["is_started"]:
        return f"its campaign to be started; `madan-sara campaign start {campaign_id}` starts it"
    if reason is not None:
        rule, _ = why_unsent(reason, details)
        return (
            "room in a limit; it goes on by itself once the limit is raised or money has come "
            f"back. {rule.rstrip('.')}"
        )
    return _turn(status)


def _turn(status: CampaignStatusResult) -> str:
    """The reason why a running campaign does not start it."""
    wait, until = status["waits_for"], status["next_wake_at"]
    looks = f"; its campaign looks again {render_instant(until)}" if until else ""
    match wait:
        case WaitReason.NEXT_DAY:
            return f"the next day, as today's messages are used up ({render_today(status)}){looks}"
        case WaitReason.START:
            return f"its campaign's start date{looks}"
        case WaitReason.BUDGET:
            return f"{CAMPAIGN_WAITS[WaitReason.BUDGET]}{looks}"
    queued = status["by_state"].get(OutreachState.QUEUED, 0)
    return f"its turn among the {queued:,} queued messages of its campaign, which is starting them"


def render_today(status: CampaignStatusResult) -> str:
    """The messages of its present day, and of later ones that use up its room."""
    day = status["daily_limit"]
    today, limit = day["messages_sent_today"], day["daily_limit"]
    later = status["messages_ahead"] - today
    text = render_of_day(status)
    if status["messages_a_day"] != limit:
        text += ", chosen by auto pacing" + ("" if limit is None else f" within {limit:,}")
    return f"{text}; {later:,} planned for later days" if later else text


def render_of_day(status: CampaignStatusResult) -> str:
    """The messages of its present day, and the most it may send a day."""
    day = status["daily_limit"]
    today, a_day = day["messages_sent_today"], status["messages_a_day"]
    return f"{today:,}" if a_day is None else f"{today:,} of {a_day:,}"


def render_instant(instant: str) -> str:
    """An instant of an answer, to the minute."""
    return f"{datetime.fromisoformat(instant).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
