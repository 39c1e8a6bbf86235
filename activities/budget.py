"""Money and daily limits of a campaign."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from temporalio import activity

from madan_sara.activities.own_campaign import Tenants, own_campaign
from madan_sara.activities.stores import BudgetLedger
from madan_sara.contracts.campaign import Campaign, OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import SendPlan
from madan_sara.contracts.money import Money, to_micros
from madan_sara.contracts.outreach import (
    Block,
    MessageRef,
    ReleaseInput,
    ReleaseResult,
    ReserveInput,
    ReserveResult,
)
from madan_sara.contracts.reading import read, read_moment
from madan_sara.contracts.returns import BudgetAnalytics
from madan_sara.policy.budget import Account, AccountScope, decide_reservation, decide_spend
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.message_price import least_price
from madan_sara.policy.pacing import Pacing, elapsed_share, recommend
from madan_sara.policy.returns import analyse


class BudgetManager:
    """Holds, spends and gives back a campaign's money; nothing is sent without a hold.

    Args:
        ledger: accounts and entries.
        tenants: whose campaigns it decides for a caller.
    """

    def __init__(self, ledger: BudgetLedger, *, tenants: Tenants) -> None:
        self._tenants = tenants
        self._ledger = ledger

    @activity.defn
    async def reserve_budget(self, request: ReserveInput) -> ReserveResult:
        """Hold the price of one attempt on the day it will be sent, or say why not."""
        if request.plan.campaign_day is None:
            raise ValueError("a send without a time cannot be paid for; plan it first")
        return await self._ledger.reserve(request, request.plan.campaign_day, decide_reservation)

    @activity.defn
    async def release_budget(self, request: ReleaseInput) -> ReleaseResult:
        """Give back the hold of a refused attempt."""
        return await self._ledger.release(request)

    async def full_days(self, ref: MessageRef, plan: SendPlan) -> set[date]:
        """The days without room for a send, from the one it was planned for, and refused on."""
        if plan.campaign_day is None:
            raise ValueError("a send without a time has no day; plan it first")
        days = await self._ledger.days(ref, plan.campaign_day)
        full = {day.key for day in days if decide_reservation([day], plan.price_micros)}
        return {plan.campaign_day, *map(date.fromisoformat, full)}

    async def check_budget_available(
        self,
        campaign: OutreachCampaign | Campaign,
        channel: Channel | str,
        *,
        at: datetime | None = None,
    ) -> Block | None:
        """Whether one message on a channel could be paid for now; nothing is held.

        A text message is paid by its segments, and is taken to have those of its template.

        Args:
            campaign: a saved campaign.
            channel: the channel of the message.
            at: when it would be sent; the present unless given.

        Returns:
            The limit that forbids it with its figures, or None.

        Raises:
            InvalidRequestError: the saved campaign has no such channel.
            NotFoundError: the campaign is not saved.
        """
        saved = own_campaign(campaign, self._tenants)
        named = read(Channel, channel, "channel")
        accounts = await self._ledger.accounts(
            saved, named, campaign_day(saved, read_moment(at, "at"))
        )
        return decide_reservation(accounts, least_price(saved, named))

    async def record_spend(
        self,
        campaign: OutreachCampaign | Campaign,
        channel: Channel | str,
        amount: Decimal | float | str,
        *,
        spend_id: UUID | None = None,
        at: datetime | None = None,
    ) -> UUID:
        """Book money spent on a channel outside any outreach of ours.

        It is money without a message: limits on money bind it, and it uses up no message of
        the day.

        Args:
            campaign: a saved campaign.
            channel: the channel it was spent on.
            amount: in the campaign's currency, at most six decimals.
            spend_id: names the booking; booked once, however often it is repeated.
            at: when it was spent; the present unless given.

        Returns:
            The booking's id.

        Raises:
            InvalidRequestError: the saved campaign has no such channel, or the amount is none.
            NotFoundError: the campaign is not saved.
            OverLimitError: a limit of the campaign forbids it; nothing was booked.
        """
        saved = own_campaign(campaign, self._tenants)
        named = read(Channel, channel, "channel")
        moment = read_moment(at, "at")
        booking = uuid4() if spend_id is None else read(UUID, spend_id, "spend_id")
        micros = to_micros(read(Money, amount, "amount"))
        day = campaign_day(saved, moment)
        await self._ledger.spend(saved, named, day, micros, booking, moment, decide_spend)
        return booking

    async def get_budget_pacing_recommendation(
        self, campaign: OutreachCampaign | Campaign, *, now: datetime | None = None
    ) -> Pacing:
        """Whether the campaign spends too fast, too slowly or as its time passes.

        Args:
            campaign: a saved campaign.
            now: the instant to decide at; the present unless given.

        Raises:
            NotFoundError: the campaign is not saved.
        """
        saved = own_campaign(campaign, self._tenants)
        balances = await self._ledger.balances(saved)
        whole = next(a for a in balances.accounts if a.scope is AccountScope.CAMPAIGN)
        return campaign_pacing(saved, whole, read_moment(now, "now"))

    async def get_budget_analytics(self, campaign: OutreachCampaign | Campaign) -> BudgetAnalytics:
        """A campaign's returns by channel and in total: costs, conversions, ROI.

        Args:
            campaign: a saved campaign.

        Raises:
            NotFoundError: the campaign is not saved.
        """
        saved = own_campaign(campaign, self._tenants)
        return analyse(saved, await self._ledger.balances(saved))


def campaign_pacing(campaign: Campaign, whole: Account, now: datetime) -> Pacing:
    """Whether a campaign spends too fast, too slowly or as its time passes.

    Args:
        campaign: for its time and daily limit.
        whole: the account of the campaign as a whole.
        now: the present.
    """
    elapsed = elapsed_share(campaign.start_date, campaign.end_date, now)
    spent = Decimal(whole.spent_micros) / whole.limit_micros if whole.limit_micros else None
    return recommend(
        spent_share=spent or Decimal(0),
        # Without a budget there is nothing to spend at the right pace.
        ideal_share=None if spent is None else elapsed,
        daily_limit=campaign.daily_limit,
    )
