"""The activities of an outreach without their work: the rest is the engine's.

Same workflow, same names, same kinds of activities, answers of the same size; no
decision, no database, no provider.
"""

from dataclasses import dataclass

from temporalio import activity

from madan_sara.activities.budget import BudgetManager
from madan_sara.activities.closer import OutreachCloser
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.delivery import MessageDelivery
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.contracts.decision import RoutingDecision, SendPlan
from madan_sara.contracts.delivery import DeliveryOutcome
from madan_sara.contracts.outreach import (
    ClaimInput,
    ClaimResult,
    DeliverInput,
    DeliverResult,
    PlanInput,
    ReserveInput,
    ReserveResult,
    RouteInput,
)
from madan_sara.worker.components import Components


@dataclass(frozen=True)
class Answers:
    """The real steps' first answers, given to every outreach from then on."""

    routing: RoutingDecision
    plan: SendPlan
    price_micros: int


# The parents' constructors are left out on purpose: any method not overridden here
# has nothing to work with, and fails if an outreach ever takes it.


class _IdleDeduplicator(MessageDeduplicator):
    def __init__(self) -> None: ...

    @activity.defn
    async def claim_recipient(self, request: ClaimInput) -> ClaimResult:
        return ClaimResult()


class _IdleRouter(ChannelRouter):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    @activity.defn(name="route_message")
    async def route_stored_message(self, request: RouteInput) -> RoutingDecision:
        return self._answers.routing


class _IdleScheduler(SendTimeScheduler):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    @activity.defn(name="plan_send_time")
    async def plan_stored_message(self, request: PlanInput) -> SendPlan:
        return self._answers.plan


class _IdleBudget(BudgetManager):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    @activity.defn
    async def reserve_budget(self, request: ReserveInput) -> ReserveResult:
        return ReserveResult(price_micros=self._answers.price_micros)


class _IdleDelivery(MessageDelivery):
    def __init__(self) -> None: ...

    @activity.defn
    async def deliver(self, request: DeliverInput) -> DeliverResult:
        return DeliverResult(outcome=DeliveryOutcome.ACCEPTED)


class _IdleCloser(OutreachCloser):
    def __init__(self) -> None: ...


def build_idle_components(answers: Answers) -> Components:
    """Activity objects that answer at once."""
    return Components(
        deduplicator=_IdleDeduplicator(),
        router=_IdleRouter(answers),
        scheduler=_IdleScheduler(answers),
        budget=_IdleBudget(answers),
        delivery=_IdleDelivery(),
        closer=_IdleCloser(),
    )
