"""The decision on one message: claim, route, plan and hold, in one step."""

from collections.abc import Collection
from datetime import date

from temporalio import activity

from madan_sara.activities.budget import BudgetManager
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.activities.stores import DecisionFacts
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingDecision, SendPlan
from madan_sara.contracts.outreach import (
    Block,
    DecideInput,
    Decision,
    ExitReason,
    PlanInput,
    ReserveInput,
    ReserveResult,
)
from madan_sara.policy.budget import fits_another_day

#: The attempt a decision holds the price of.
_FIRST = 1


class OutreachDecider:
    """Decides a message by the facts of one moment; what is decided is held before it is told.

    Args:
        deduplicator: whether the person may be contacted.
        router: on which channel.
        scheduler: when.
        budget: and whether that can be paid.
    """

    def __init__(
        self,
        deduplicator: MessageDeduplicator,
        router: ChannelRouter,
        scheduler: SendTimeScheduler,
        budget: BudgetManager,
    ) -> None:
        self._deduplicator = deduplicator
        self._router = router
        self._scheduler = scheduler
        self._budget = budget

    @activity.defn
    async def decide_outreach(self, request: DecideInput) -> Decision:
        """Claim the person, choose the channels, plan the first and hold its price.

        Run again, it returns the decision that an earlier run has stored. One that another run has
        made useless meanwhile, by a put back, is made anew.

        Raises:
            NotFoundError: there is no such message.
        """
        while (decision := await self._decide(request)) is None:
            pass
        return decision

    async def _decide(self, request: DecideInput) -> Decision | None:
        """Decide by the facts of the moment; None: they changed before the hold."""
        claim = await self._deduplicator.claim(request)
        decision = Decision(claim=claim.result, generation=claim.facts.request.generation)
        if claim.result.block is not None:
            return decision
        if claim.decided is not None:
            found = claim.decided
            return decision.model_copy(update={"routing": found.routing, "held": found.held})
        routing = self._router.route_stored(claim.facts, request.now)
        if routing.channel is None:
            return decision.model_copy(update={"routing": routing})
        hold = await self._hold(request, claim.facts, routing, routing.channel)
        if hold.is_outdated:
            return None
        return Decision(
            claim=claim.result,
            routing=hold.routing or routing,
            block=hold.block,
            held=hold.held,
            generation=claim.facts.request.generation,
        )

    async def _hold(
        self,
        request: DecideInput,
        facts: DecisionFacts,
        routing: RoutingDecision,
        channel: Channel,
    ) -> ReserveResult:
        """Plan a channel and hold its price; a campaign's recipient takes a day with room.

        However many days are full, they are read at once: the time of a step would not do to ask
        for each of them.
        """
        full_days: set[date] = set()
        while True:
            plan = self._plan(request, facts, channel, full_days)
            if plan.scheduled_at is None:
                expired = Block(reason=ExitReason.EXPIRED, details={"channel": channel.value})
                return ReserveResult(block=expired)
            hold = await self._budget.reserve_budget(
                ReserveInput(
                    ref=request.ref,
                    attempt_no=_FIRST,
                    plan=plan,
                    routing=routing,
                    now=request.now,
                    generation=facts.request.generation,
                )
            )
            can_wait = request.is_recipient_of_campaign
            if hold.block is None or not can_wait or not fits_another_day(hold.block):
                return hold
            full_days |= await self._budget.full_days(request.ref, plan)

    def _plan(
        self,
        request: DecideInput,
        facts: DecisionFacts,
        channel: Channel,
        full_days: Collection[date],
    ) -> SendPlan:
        """The first send of a channel on a day that is not among the full ones."""
        wanted = PlanInput(
            ref=request.ref,
            channel=channel,
            now=request.now,
            sequence_number=request.sequence_number,
        )
        while True:
            plan = self._scheduler.plan_stored(facts.request, wanted)
            if plan.campaign_day not in full_days:
                return plan
            wanted = wanted.model_copy(update={"after_day_of": plan.scheduled_at})
