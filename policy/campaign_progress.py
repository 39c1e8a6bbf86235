"""The next step of a campaign."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import inf
from typing import Self

from madan_sara.contracts.campaign import FINAL_STATUSES, Campaign, CampaignStatus
from madan_sara.contracts.campaign_run import NextStep, Sweep, Wait, WaitReason
from madan_sara.contracts.delivery import ChannelWait
from madan_sara.contracts.money import to_micros
from madan_sara.contracts.outreach import UNDER_WAY, ExitReason, OutreachState
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.campaign_days import campaign_day, start_of_next_day
from madan_sara.policy.message_price import least_price
from madan_sara.policy.tallies import Tallies

#: Recipients started by one dispatch: some half a minute of work on a small machine.
BATCH = 500

_AT_REST = (OutreachState.QUEUED, OutreachState.SCHEDULED)


@dataclass(frozen=True)
class CampaignFacts:
    """The facts that the next step of a campaign depends on."""

    campaign: Campaign
    #: Messages by state, and of the unsent ones by reason.
    by_state: Mapping[str, int]
    by_reason: Mapping[str, int]
    #: Of the queued ones, those a limit had no room for: they wait until it is raised.
    without_room: int
    #: The accounts of the campaign, its channels and its days.
    accounts: Sequence[Account]
    #: The campaign's day.
    today: date
    #: The campaign's own share of a day, within its daily limit; None: the limit.
    daily_share: int | None = None
    #: The day it was chosen on; None: it has to be chosen anew.
    share_day: date | None = None
    #: When a provider last took a message of it; None: never.
    last_taken_at: datetime | None = None
    #: Messages that are due and wait for their channel.
    channel_waits: Sequence[ChannelWait] = ()
    #: The fewest segments of a text message that a long batch brought; None: there was none.
    batch_parts: int | None = None

    def count(self, *states: OutreachState) -> int:
        """Messages in some states."""
        return sum(self.by_state.get(state, 0) for state in states)

    @property
    def messages_a_day(self) -> int | None:
        """Messages the campaign may have on one day; None: no limit."""
        limits = (self.campaign.daily_limit, self.daily_share)
        return min((limit for limit in limits if limit is not None), default=None)

    @property
    def messages_ahead(self) -> int:
        """Messages held or sent on the campaign's day and later ones."""
        return sum(day.message_count for day in self._days_ahead())

    @property
    def micros_ahead(self) -> int:
        """Money held or spent on the campaign's day and later ones."""
        return sum(day.held_micros + day.spent_micros for day in self._days_ahead())

    @property
    def startable(self) -> int:
        """Messages that can be started."""
        return self.count(OutreachState.QUEUED) - self.without_room

    @property
    def chooses_its_share(self) -> bool:
        """Whether it is time for the campaign to choose its messages a day."""
        sends = self.campaign.status is CampaignStatus.ACTIVE and self.campaign.auto_pacing
        return sends and self.share_day != self.today

    @classmethod
    def at(
        cls,
        now: datetime,
        campaign: Campaign,
        tallies: Tallies,
        accounts: Sequence[Account],
        *,
        daily_share: int | None,
        share_day: date | None = None,
        last_taken_at: datetime | None = None,
        channel_waits: Sequence[ChannelWait] = (),
        batch_parts: int | None = None,
    ) -> Self:
        """The facts as of an instant, from a campaign's records."""
        return cls(
            campaign=campaign,
            by_state=tallies.by_state(),
            by_reason=tallies.by_reason(),
            without_room=sum(tallies.by_reason(OutreachState.QUEUED).values()),
            accounts=accounts,
            today=campaign_day(campaign, now),
            daily_share=daily_share,
            share_day=share_day,
            last_taken_at=last_taken_at,
            channel_waits=channel_waits,
            batch_parts=batch_parts,
        )

    @property
    def messages_today(self) -> int:
        """Messages held or sent on the campaign's day."""
        today = self.today.isoformat()
        return sum(day.message_count for day in self._days_ahead() if day.key == today)

    @property
    def days_ahead(self) -> Mapping[date, Account]:
        """The accounts of the campaign's day and later ones, of those that have one."""
        return {date.fromisoformat(day.key): day for day in self._days_ahead()}

    @property
    def whole(self) -> Account:
        """The account of the campaign as a whole."""
        return next(a for a in self.accounts if a.scope is AccountScope.CAMPAIGN)

    def _days_ahead(self) -> Iterator[Account]:
        today = self.today.isoformat()
        return (a for a in self.accounts if a.scope is AccountScope.DAY and a.key >= today)


def can_start(facts: CampaignFacts, now: datetime) -> bool:
    """Whether a campaign would start a recipient at this moment, if there were one."""
    campaign = facts.campaign
    is_open = campaign.start_date <= now and not campaign.is_over(now)
    cheapest = cheapest_affordable(facts)
    return (
        campaign.status is CampaignStatus.ACTIVE
        and is_open
        and cheapest is not None
        and room_to_start(facts, cheapest) > 0
    )


def room_to_start(facts: CampaignFacts, cheapest: int) -> float:
    """Recipients for whom the day's limits and the budget have room now; without end: no limit.

    Args:
        facts: the campaign's.
        cheapest: the least that a message costs, in micro-units.
    """
    budget = None if not cheapest else facts.whole.remaining_micros
    room = min(
        room_of_day(facts, cheapest, messages=facts.messages_ahead, micros=facts.micros_ahead),
        inf if budget is None else budget // cheapest,
    )
    return room - facts.count(OutreachState.DECIDING)


def room_of_day(facts: CampaignFacts, cheapest: int, *, messages: int, micros: int) -> float:
    """Recipients who can be started on a day by its limits; without end: no limit.

    Args:
        facts: the limits.
        cheapest: the least that a message costs, in micro-units.
        messages: held or sent on that day and later ones.
        micros: money held or spent on them.
    """
    a_day, spend = facts.messages_a_day, facts.campaign.daily_spend_limit
    return min(
        inf if a_day is None else a_day - messages,
        inf if spend is None or not cheapest else (to_micros(spend) - micros) // cheapest,
    )


def next_step(
    facts: CampaignFacts, now: datetime, *, requeued_at_micros: int | None = None
) -> NextStep:
    """The next step: start some, wait, end the rest, or be done.

    No recipient is started without room in the day's limits and the budget. The accounts
    enforce those limits, message by message; here they decide how many recipients to start
    when, so that the accounts rarely refuse one. A refused recipient waits until a limit is
    raised, or until money has come back from messages under way.

    Args:
        facts: the campaign's.
        now: the present.
        requeued_at_micros: the money left when recipients without room were last queued
            again; with the same left, they would find no room again.
    """
    campaign = facts.campaign
    if campaign.status in FINAL_STATUSES:
        return _wind_up(facts, campaign.status)
    if campaign.is_over(now):
        return _end_of_time(facts)
    if campaign.status is not CampaignStatus.ACTIVE:
        return _wait(WaitReason.RESUME, campaign.end_date)
    if now < campaign.start_date:
        return _wait(WaitReason.START, campaign.start_date)
    if facts.startable:
        return _start_some(facts, now)
    if facts.count(*UNDER_WAY):
        return _see_to_those_under_way(facts)
    if facts.without_room:
        return _without_room(facts, requeued_at_micros)
    if (reported := _all_reported_at(facts)) is not None and now < reported:
        return _wait(WaitReason.OUTCOMES, _no_later(reported, facts))
    return _when_all_have_ended(facts)


def cheapest_affordable(facts: CampaignFacts) -> int | None:
    """Price of the cheapest message that can still be paid, in micro-units; None: none can.

    A text message costs each of its segments, at least those of its template, or of the text of
    a batch that has fewer. A price above a day's money is never paid, however many days are left.
    """
    whole = facts.whole.remaining_micros
    limit = facts.campaign.daily_spend_limit
    a_day = None if limit is None else to_micros(limit)
    left = {a.key: a.remaining_micros for a in facts.accounts if a.scope is AccountScope.CHANNEL}
    prices = [
        price
        for channel in facts.campaign.channels
        for price in [least_price(facts.campaign, channel, batch_parts=facts.batch_parts)]
        if _covers(whole, price)
        and _covers(a_day, price)
        and _covers(left.get(channel.value), price)
    ]
    return min(prices, default=None)


def _covers(remaining_micros: int | None, price_micros: int) -> bool:
    return remaining_micros is None or price_micros <= max(remaining_micros, 0)


def _start_some(facts: CampaignFacts, now: datetime) -> NextStep:
    cheapest = cheapest_affordable(facts)
    if cheapest is None:
        return _without_money(facts)
    room = int(min(BATCH, facts.startable, room_to_start(facts, cheapest)))
    if room > 0:
        return NextStep(dispatch=room)
    if facts.count(OutreachState.DECIDING):
        return _see_to_those_under_way(facts)
    return _wait(WaitReason.NEXT_DAY, _no_later(start_of_next_day(facts.campaign, now), facts))


def _without_room(facts: CampaignFacts, requeued_at_micros: int | None) -> NextStep:
    left = facts.whole.remaining_micros
    if cheapest_affordable(facts) is not None and (left or 0) != requeued_at_micros:
        return NextStep(requeue=True)
    return _without_money(facts)


def _when_all_have_ended(facts: CampaignFacts) -> NextStep:
    if facts.by_reason.get(ExitReason.BUDGET_EXCEEDED, 0):
        return NextStep(end=CampaignStatus.BUDGET_EXHAUSTED)
    return NextStep(end=CampaignStatus.COMPLETED)


def _without_money(facts: CampaignFacts) -> NextStep:
    """Money may come back from messages under way, or be added as long as there is time."""
    if facts.count(*UNDER_WAY):
        return _see_to_those_under_way(facts)
    if facts.campaign.end_date is not None:
        return _wait(WaitReason.BUDGET, facts.campaign.end_date)
    return _sweep([OutreachState.QUEUED], OutreachState.BLOCKED, ExitReason.BUDGET_EXCEEDED)


def _end_of_time(facts: CampaignFacts) -> NextStep:
    if facts.count(OutreachState.QUEUED):
        affordable = cheapest_affordable(facts) is not None
        reason = ExitReason.EXPIRED if affordable else ExitReason.BUDGET_EXCEEDED
        return _sweep([OutreachState.QUEUED], OutreachState.BLOCKED, reason)
    if facts.count(OutreachState.SCHEDULED):
        # Planned before the end was moved, they would sleep on, each with its hold.
        return _sweep([OutreachState.SCHEDULED], OutreachState.BLOCKED, ExitReason.EXPIRED)
    if facts.count(*UNDER_WAY):
        return _see_to_those_under_way(facts)
    if facts.by_reason.get(ExitReason.EXPIRED, 0):
        return NextStep(end=CampaignStatus.EXPIRED)
    return _when_all_have_ended(facts)


def _wind_up(facts: CampaignFacts, status: CampaignStatus) -> NextStep:
    """It was ended from outside: no recipient without a message gets one any more."""
    if facts.count(*_AT_REST):
        if status is CampaignStatus.CANCELLED:
            return _sweep(_AT_REST, OutreachState.CANCELLED, ExitReason.CANCELLED)
        return _sweep(_AT_REST, OutreachState.BLOCKED, ExitReason.CAMPAIGN_NOT_ACTIVE)
    if facts.count(*UNDER_WAY):
        return _see_to_those_under_way(facts)
    return NextStep(end=status)


def _see_to_those_under_way(facts: CampaignFacts) -> NextStep:
    """Wait for the outcomes, once no dispatch can hold a recipient it has not started."""
    undecided = facts.count(OutreachState.DECIDING)
    if undecided:
        return NextStep(retake=undecided)
    return _wait(WaitReason.OUTCOMES)


def _all_reported_at(facts: CampaignFacts) -> datetime | None:
    """When the wait for bounces ends, upon which a message would go on."""
    wait = facts.campaign.settings.receipt_wait_minutes
    if not wait or facts.last_taken_at is None:
        return None
    return facts.last_taken_at + timedelta(minutes=wait)


def _no_later(moment: datetime, facts: CampaignFacts) -> datetime:
    end = facts.campaign.end_date
    return moment if end is None else min(moment, end)


def _wait(reason: WaitReason, until: datetime | None = None) -> NextStep:
    return NextStep(wait=Wait(reason=reason, until=until))


def _sweep(states: Sequence[OutreachState], state: OutreachState, reason: ExitReason) -> NextStep:
    return NextStep(sweep=Sweep(states=list(states), state=state, reason=reason))
