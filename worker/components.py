"""The activity objects, each with the adapters it needs."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from madan_sara.activities.budget import BudgetManager
from madan_sara.activities.call_rates import CallRate
from madan_sara.activities.campaign import CampaignManager
from madan_sara.activities.campaign_stores import OutreachStarter
from madan_sara.activities.closer import OutreachCloser
from madan_sara.activities.decider import OutreachDecider
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.delivery import LONGEST_AT_ONCE, PAUSE_POLL, MessageDelivery
from madan_sara.activities.dispatcher import MOST_IN_MOTION, CampaignDispatcher
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.activities.sender import MessageSender
from madan_sara.contracts.channels import Channel
from madan_sara.persistence.analytics import PostgresAnalyticsStore
from madan_sara.persistence.attempts import PostgresAttemptStore
from madan_sara.persistence.budget import PostgresBudgetLedger
from madan_sara.persistence.call_rates import PostgresCallRates
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.claims import PostgresClaimStore
from madan_sara.persistence.database import Database
from madan_sara.persistence.decision_facts import DecisionReader
from madan_sara.persistence.provider_accounts import PostgresProviderAccounts
from madan_sara.persistence.requests import PostgresRequestStore


@dataclass(frozen=True)
class Components:
    """The activity objects that carry outreaches."""

    decider: OutreachDecider
    deduplicator: MessageDeduplicator
    scheduler: SendTimeScheduler
    budget: BudgetManager
    delivery: MessageDelivery
    closer: OutreachCloser

    def steps(self) -> list[Callable[..., Any]]:
        """The short activities that run beside the workflow."""
        return [
            self.decider.decide_outreach,
            self.deduplicator.reopen_claim,
            self.scheduler.plan_stored_message,
            self.scheduler.catch_up,
            self.scheduler.check_requested_time,
            self.budget.reserve_budget,
            self.budget.release_budget,
            self.delivery.deliver_at_once,
            self.delivery.resolve_attempt,
            self.closer.close_outreach,
            self.closer.put_back,
        ]


@dataclass(frozen=True)
class CampaignComponents:
    """The activity objects that run campaigns."""

    manager: CampaignManager
    dispatcher: CampaignDispatcher

    def steps(self) -> list[Callable[..., Any]]:
        """The activities of `CampaignWorkflow`."""
        return [
            self.manager.evaluate_campaign,
            self.manager.carry_out_command,
            self.manager.requeue_recipients,
            self.manager.sweep_campaign,
            self.dispatcher.dispatch_batch,
        ]


def build_campaign_components(
    database: Database, outreaches: OutreachStarter, *, most_in_motion: int = MOST_IN_MOTION
) -> CampaignComponents:
    """Wire the activity objects of campaigns to PostgreSQL and to the workflows they start."""
    runs = PostgresCampaignRuns(database)
    return CampaignComponents(
        manager=CampaignManager(runs, outreaches),
        dispatcher=CampaignDispatcher(runs, outreaches, most_in_motion=most_in_motion),
    )


def build_components(
    database: Database,
    senders: Mapping[Channel, MessageSender],
    *,
    delivered_here: Container[Channel] = frozenset(Channel),
    rate_limits: Mapping[Channel, float] = MappingProxyType({}),
    pause_poll: timedelta = PAUSE_POLL,
    longest_at_once: timedelta = LONGEST_AT_ONCE,
) -> Components:
    """Wire the activity objects to PostgreSQL and the providers.

    Args:
        database: where everything is kept.
        senders: the provider of each channel.
        delivered_here: channels whose calls these workers make; the others' are left to a fleet of
            its own.
        rate_limits: calls per second over all workers, of the channels that have a limit.
        pause_poll: how often a send in a paused campaign looks whether it may go on.
        longest_at_once: how long a call may keep its workflow's task open.
    """
    decisions = DecisionReader(database)
    requests = PostgresRequestStore(database)
    text_limits = {
        channel: sender.capabilities.max_characters for channel, sender in senders.items()
    }
    claims, analytics = PostgresClaimStore(database, decisions), PostgresAnalyticsStore(database)
    deduplicator = MessageDeduplicator(claims, tenants=EVERY_TENANT)
    router = ChannelRouter(text_limits, tenants=EVERY_TENANT)
    scheduler = SendTimeScheduler(requests, analytics, tenants=EVERY_TENANT)
    budget = BudgetManager(PostgresBudgetLedger(database), tenants=EVERY_TENANT)
    return Components(
        decider=OutreachDecider(deduplicator, router, scheduler, budget),
        deduplicator=deduplicator,
        scheduler=scheduler,
        budget=budget,
        delivery=MessageDelivery(
            PostgresAttemptStore(database),
            PostgresProviderAccounts(database),
            senders,
            delivered_here=delivered_here,
            rates=_call_rates(database, senders, rate_limits),
            pause_poll=pause_poll,
            longest_at_once=longest_at_once,
        ),
        closer=OutreachCloser(requests),
    )


def _call_rates(
    database: Database, senders: Mapping[Channel, MessageSender], limits: Mapping[Channel, float]
) -> dict[Channel, CallRate]:
    rates = PostgresCallRates(database)
    return {
        channel: CallRate(rates, senders[channel].account, per_second)
        for channel, per_second in limits.items()
        if channel in senders
    }
