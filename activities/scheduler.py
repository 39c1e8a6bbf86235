"""The choice of a send time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from madan_sara.activities.own_campaign import Tenants, own_campaign, require_own
from madan_sara.activities.stores import (
    AnalyticsStore,
    RequestStore,
    SendTimeCell,
    StoredRequest,
)
from madan_sara.contracts.campaign import Campaign, OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import SendPlan, TimingReason
from madan_sara.contracts.outreach import CatchUpInput, PlanInput, RescheduleCheck
from madan_sara.contracts.reading import read, read_moment
from madan_sara.contracts.recipient import RecipientProfile, ZoneName
from madan_sara.policy.campaign_days import campaign_day, start_of_next_day
from madan_sara.policy.message_price import message_parts
from madan_sara.policy.send_time import check_requested_time, moved, plan_send_time
from madan_sara.policy.spacing import spread, spread_by_sequence

#: Type of the error that refuses a requested time.
TIME_NOT_ALLOWED = "TimeNotAllowed"


class SendTimeScheduler:
    """Optimises send times within quiet hours and the campaign.

    Args:
        requests: the messages to plan.
        analytics: figures over past messages.
        tenants: whose campaigns it plans for a caller.
    """

    def __init__(
        self,
        requests: RequestStore,
        analytics: AnalyticsStore,
        *,
        tenants: Tenants,
    ) -> None:
        self._tenants = tenants
        self._requests = requests
        self._analytics = analytics

    @activity.defn(name="plan_send_time")
    async def plan_stored_message(self, request: PlanInput) -> SendPlan:
        """Plan when a stored message is sent on a channel."""
        return self.plan_stored(await self._requests.request(request.ref), request)

    def plan_stored(self, stored: StoredRequest, request: PlanInput) -> SendPlan:
        """Plan when a message that was read already is sent on a channel."""
        plan = plan_send_time(
            stored.campaign,
            stored.settings,
            stored.profile,
            request.channel,
            now=request.now,
            not_before=_not_before(request, stored.campaign),
            force=stored.force_send,
            parts=_parts(stored, request.channel),
        )
        if request.after_day_of is not None:
            full = f"{campaign_day(stored.campaign, request.after_day_of)} is full; moved on"
            plan = plan.model_copy(update={"adjustments": [*plan.adjustments, full]})
        if request.sequence_number is None:
            return plan
        return spread_by_sequence(plan, request.sequence_number, stored.campaign, now=request.now)

    @activity.defn
    async def catch_up(self, request: CatchUpInput) -> SendPlan:
        """Plan a send that missed its moment: as soon as it is allowed again."""
        stored = await self._requests.request(request.ref)
        not_before = request.not_before
        if request.skip_day:
            not_before = start_of_next_day(stored.campaign, not_before)
        plan = plan_send_time(
            stored.campaign,
            stored.settings,
            stored.profile,
            request.channel,
            now=request.now,
            not_before=not_before,
            force=True,
            parts=_parts(stored, request.channel),
        )
        missed = "its planned moment passed before it could be sent; moved to the next allowed one"
        plan = plan.model_copy(update={"adjustments": [*plan.adjustments, missed]})
        if request.sequence_number is None:
            return plan
        return spread_by_sequence(plan, request.sequence_number, stored.campaign, now=request.now)

    @activity.defn
    async def check_requested_time(self, request: RescheduleCheck) -> SendPlan:
        """Make a plan of a requested time.

        Raises:
            ApplicationError: the time is not allowed; the message says why.
        """
        stored = await self._requests.request(request.ref)
        rules = (stored.campaign, stored.settings, stored.profile)
        # A lost run of this step may have moved it there, and the time has passed since.
        is_there = stored.scheduled_at == request.at
        violation = check_requested_time(*rules, at=request.at, now=request.now)
        if violation and not is_there:
            raise ApplicationError(violation, type=TIME_NOT_ALLOWED, non_retryable=True)
        plan = plan_send_time(
            *rules,
            request.channel,
            now=request.now,
            not_before=request.at,
            force=True,
            parts=_parts(stored, request.channel),
        )
        return moved(plan, stored.campaign, request.at, reason=TimingReason.REQUESTED)

    def get_optimal_send_time(
        self,
        campaign: OutreachCampaign | Campaign,
        profile: RecipientProfile | Mapping[str, Any],
        channel: Channel | str,
        *,
        now: datetime | None = None,
    ) -> SendPlan:
        """The best moment to reach a person on a channel, with the reason.

        Raises:
            InvalidRequestError: an argument is not what it should be; says what it wants.
        """
        complete = own_campaign(campaign, self._tenants)
        person = read(RecipientProfile, profile, "profile")
        named = read(Channel, channel, "channel")
        return plan_send_time(
            complete, complete.settings, person, named, now=read_moment(now, "now")
        )

    def schedule_batch(
        self,
        campaign: OutreachCampaign | Campaign,
        recipients: Sequence[tuple[RecipientProfile | Mapping[str, Any], Channel | str]],
        *,
        now: datetime | None = None,
    ) -> list[SendPlan]:
        """Plan many sends at once, those that fall on one minute spread over their hour.

        Returns:
            One plan per recipient, in their order.

        Raises:
            InvalidRequestError: an argument is not what it should be; says what it wants.
        """
        complete = own_campaign(campaign, self._tenants)
        moment = read_moment(now, "now")
        people = read(list[tuple[RecipientProfile, Channel]], recipients, "recipients")
        plans = [
            self.get_optimal_send_time(complete, profile, channel, now=moment)
            for profile, channel in people
        ]
        return spread(plans, complete)

    async def get_send_time_analytics(
        self, tenant_id: UUID, *, campaign_id: UUID | None = None, zone: str = "UTC"
    ) -> Sequence[SendTimeCell]:
        """Messages and reactions by channel and local hour of the send.

        Raises:
            InvalidRequestError: an argument is not what it should be; says what it wants.
        """
        tenant = read(UUID, tenant_id, "tenant_id")
        require_own(tenant, self._tenants, "tenant_id")
        campaign = None if campaign_id is None else read(UUID, campaign_id, "campaign_id")
        return await self._analytics.send_time_cells(tenant, campaign, read(ZoneName, zone, "zone"))


def _not_before(request: PlanInput, campaign: Campaign) -> datetime | None:
    """The earliest moment asked for, after the days that are full."""
    moments = [request.not_before]
    if request.after_day_of is not None:
        moments.append(start_of_next_day(campaign, request.after_day_of))
    return max((moment for moment in moments if moment is not None), default=None)


def _parts(stored: StoredRequest, channel: Channel) -> int:
    """The number of times a message costs its channel's price."""
    content = stored.rendered.on(channel)
    return message_parts(channel, content.text if content is not None else None)
