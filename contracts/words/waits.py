"""The words for waits: of a campaign, and of messages that are due."""

from collections.abc import Mapping
from datetime import UTC
from typing import Final
from uuid import UUID

from madan_sara.contracts.campaign_run import WaitReason
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import ChannelWait

#: The wait of a campaign, after "waits for".
CAMPAIGN_WAITS: Final[Mapping[WaitReason, str]] = {
    WaitReason.START: "its start",
    WaitReason.RESUME: "its resume, or its end; nothing is sent while it is paused",
    WaitReason.NEXT_DAY: "the next day; what a day may have is sent or planned already",
    WaitReason.BUDGET: "more budget, or its end; nothing more can be paid",
    WaitReason.OUTCOMES: "the outcomes of those asleep or on their way",
}


def to_be_started(campaign_id: UUID) -> str:
    """The wait of a campaign whose recipients were never started."""
    return f"its start: saved and imported, not started; `madan-sara campaign start {campaign_id}`"


def explain_wait(wait: ChannelWait) -> str:
    """The wait of due messages, like `email: mail.example.org:587 is away since 10:04 UTC`."""
    return f"{_trouble(wait)}{_advice(wait)}"


def explain_turn(channel: Channel, per_second: float) -> str:
    """The wait of a message for its turn, like `its turn: sms takes 10 calls a second`."""
    if per_second < 1:
        seconds = 1 / per_second
        return f"its turn: {channel} takes one call each {seconds:,.{int(seconds < 10)}f} s"
    calls = "call" if per_second == 1 else "calls"
    return f"its turn: {channel} takes {per_second:g} {calls} a second"


def explain_waits(wait: ChannelWait) -> str:
    """The same of several messages, with their number."""
    return f"{_trouble(wait)}, {wait.messages:,} due{_advice(wait)}"


def _trouble(wait: ChannelWait) -> str:
    if wait.awaits_turn:
        turn = "its turn" if wait.messages == 1 else "their turns"
        return f"{wait.channel}: {turn}, as MADAN_SARA_RATE_LIMITS spaces the calls"
    since = f"{wait.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if wait.account is None:
        return f"{wait.channel}: the provider puts the recipient off since {since} ({wait.code})"
    does = "refuses our settings" if wait.refuses_settings else "is away"
    return f"{wait.channel}: {wait.account} {does} since {since} ({wait.code})"


def _advice(wait: ChannelWait) -> str:
    if not wait.refuses_settings:
        return ""
    return "; an operator must correct them, see the worker's log"
