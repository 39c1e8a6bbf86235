"""The activities of an outreach without their work: the rest is the engine's.

Same workflow, same names, same kinds of activities, answers of the same size; no
decision, no database, no provider.
"""

from dataclasses import dataclass

from temporalio import activity

from madan_sara.activities.budget import BudgetManager
from madan_sara.activities.closer import OutreachCloser
from madan_sara.activities.decider import OutreachDecider
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.delivery import MessageDelivery
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.contracts.decision import RoutingDecision, SendPlan
from madan_sara.contracts.delivery import DeliveryOutcome
from madan_sara.contracts.outreach import (
    ClaimResult,
    DecideInput,
    Decision,
    DeliverAtOnceInput,
    DeliveredAtOnce,
    DeliverResult,
    HeldAttempt,
)
from madan_sara.worker.components import Components


@dataclass(frozen=True)
class Answers:
    """The real steps' first answers, given to every outreach from then on."""

    routing: RoutingDecision
    plan: SendPlan


# The parents' constructors are left out on purpose: any method not overridden here
# has nothing to work with, and fails if an outreach ever takes it.


class _IdleDecider(OutreachDecider):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    @activity.defn
    async def decide_outreach(self, request: DecideInput) -> Decision:
        return Decision(
            claim=ClaimResult(),
            routing=self._answers.routing,
            held=HeldAttempt(attempt_no=1, plan=self._answers.plan),
        )


class _IdleDeduplicator(MessageDeduplicator):
    def __init__(self) -> None: ...


class _IdleScheduler(SendTimeScheduler):
    def __init__(self) -> None: ...


class _IdleBudget(BudgetManager):
    def __init__(self) -> None: ...


class _IdleDelivery(MessageDelivery):
    def __init__(self) -> None: ...

    @activity.defn
    async def deliver_at_once(self, request: DeliverAtOnceInput) -> DeliveredAtOnce:
        result = DeliverResult(outcome=DeliveryOutcome.ACCEPTED, answered_at=request.now)
        return DeliveredAtOnce(result=result)


class _IdleCloser(OutreachCloser):
    def __init__(self) -> None: ...


def build_idle_components(answers: Answers) -> Components:
    """Activity objects that answer at once."""
    return Components(
        decider=_IdleDecider(answers),
        deduplicator=_IdleDeduplicator(),
        scheduler=_IdleScheduler(),
        budget=_IdleBudget(),
        delivery=_IdleDelivery(),
        closer=_IdleCloser(),
    )
