"""Spacing of sends that fall on the same minute at the same provider.

A small batch is known as a whole, and spaced evenly. A campaign's recipients are each planned
by themselves: each gets a shift by its number, and any count of them lies evenly over the
hour.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import SendPlan, TimingReason
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.send_time import is_allowed, moved

_CHOSEN_HOUR = timedelta(hours=1)


def spread(plans: Sequence[SendPlan], campaign: Campaign) -> list[SendPlan]:
    """Spread sends of one channel and minute evenly, within the hour that was chosen.

    Consecutive sends are `min_spacing_minutes` apart, or closer when the hour would
    not hold them all: a fixed half hour would take a hundred people two days. A send
    that would leave its allowed hours, its day or the campaign keeps its own moment.

    Args:
        plans: one batch, in the recipients' order.
        campaign: the campaign of all of them.

    Returns:
        The plans in the same order.
    """
    spaced = list(plans)
    for positions in _same_minute(plans).values():
        step = _step(len(positions), campaign.settings.min_spacing_minutes)
        for number, position in enumerate(positions):
            spaced[position] = _moved(plans[position], step * number, campaign)
    return spaced


def spread_by_sequence(
    plan: SendPlan, number: int, campaign: Campaign, *, now: datetime
) -> SendPlan:
    """Spread the sends of a campaign's recipients, each by its number among them.

    The shifts are the van der Corput sequence in base 2 over the chosen hour: 0, 30, 15, 45,
    7.5 ... minutes. Any run of neighbours lies evenly, and the half hour between the first
    two is the default of `min_spacing_minutes`; 0 minutes means no spacing. Any moment that many
    sends share is spread: a slot, the end of the quiet hours, the start of the campaign. A send
    that is due at once is not shifted, because its dispatch sets its pace; nor is one at a
    requested moment.

    Args:
        plan: the plan of one recipient.
        number: its number among the campaign's recipients, from 0.
        campaign: its campaign.
        now: the present.

    Source:
        J. G. van der Corput, Verteilungsfunktionen, Proc. Akad. Amsterdam 38 (1935).
    """
    spaced = campaign.settings.min_spacing_minutes > 0
    is_due = plan.scheduled_at is None or plan.scheduled_at <= now
    if not spaced or is_due or plan.reason is TimingReason.REQUESTED:
        return plan
    return _moved(plan, _CHOSEN_HOUR * _van_der_corput(number), campaign)


def _van_der_corput(number: int) -> float:
    """The binary digits of a number, mirrored at the point."""
    digits = f"{number:b}"[::-1]
    return int(digits, 2) / (1 << len(digits))


def _same_minute(plans: Sequence[SendPlan]) -> dict[tuple[Channel, datetime], list[int]]:
    groups: dict[tuple[Channel, datetime], list[int]] = defaultdict(list)
    for position, plan in enumerate(plans):
        if plan.scheduled_at is not None:
            minute = plan.scheduled_at.replace(second=0, microsecond=0)
            groups[plan.channel, minute].append(position)
    return groups


def _step(sends: int, spacing_minutes: int) -> timedelta:
    return min(timedelta(minutes=spacing_minutes), _CHOSEN_HOUR / sends)


def _moved(plan: SendPlan, shift: timedelta, campaign: Campaign) -> SendPlan:
    if plan.scheduled_at is None or not shift:
        return plan
    moment = plan.scheduled_at + shift
    quiet_hours = campaign.settings.quiet_hours
    next_day = campaign_day(campaign, moment) != plan.campaign_day
    if (
        campaign.is_over(moment)
        or next_day
        or not is_allowed(moment, ZoneInfo(plan.zone), quiet_hours)
    ):
        return plan
    note = f"spaced by {int(shift.total_seconds() // 60)} min within its hour"
    return moved(plan, campaign, moment, adjustments=[*plan.adjustments, note])
