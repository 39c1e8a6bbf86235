"""Spacing of sends that fall on the same minute at the same provider."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.campaign import OutreachCampaign
from contracts.channels import Channel
from contracts.decision import SendPlan
from policy.send_time import is_allowed, moved

_CHOSEN_HOUR = timedelta(hours=1)


def spread(plans: Sequence[SendPlan], campaign: OutreachCampaign) -> list[SendPlan]:
    """Spread sends of one channel and minute evenly, within the hour that was chosen.

    Consecutive sends are `min_spacing_minutes` apart, or closer when the hour would
    not hold them all: a fixed half hour would take a hundred people two days. A send
    that would leave its allowed hours or the campaign keeps its own moment.

    Args:
        plans: one batch, in the recipients' order.
        campaign: the campaign of all of them.

    Returns:
        The plans in the same order.
    """
    spaced = list(plans)
    for positions in _same_minute(plans).values():
        step = _step(len(positions), campaign.effective_settings().min_spacing_minutes)
        for place, position in enumerate(positions):
            spaced[position] = _moved(plans[position], step * place, campaign)
    return spaced


def _same_minute(plans: Sequence[SendPlan]) -> dict[tuple[Channel, datetime], list[int]]:
    groups: dict[tuple[Channel, datetime], list[int]] = defaultdict(list)
    for position, plan in enumerate(plans):
        if plan.scheduled_at is not None:
            minute = plan.scheduled_at.replace(second=0, microsecond=0)
            groups[plan.channel, minute].append(position)
    return groups


def _step(sends: int, spacing_minutes: int) -> timedelta:
    return min(timedelta(minutes=spacing_minutes), _CHOSEN_HOUR / sends)


def _moved(plan: SendPlan, shift: timedelta, campaign: OutreachCampaign) -> SendPlan:
    if plan.scheduled_at is None or not shift:
        return plan
    moment = plan.scheduled_at + shift
    quiet_hours = campaign.effective_settings().quiet_hours
    beyond = campaign.end_date is not None and moment > campaign.end_date
    if beyond or not is_allowed(moment, ZoneInfo(plan.zone), quiet_hours):
        return plan
    note = f"spaced {int(shift.total_seconds() // 60)} min behind the first of its batch"
    return moved(plan, campaign, moment, adjustments=[*plan.adjustments, note])
