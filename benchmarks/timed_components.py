"""The real components, with a benchmark's own word on when a message is due."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from madan_sara.activities.decider import OutreachDecider
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.activities.sender import MessageSender
from madan_sara.activities.stores import StoredRequest
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import SendPlan
from madan_sara.contracts.outreach import PlanInput
from madan_sara.persistence.analytics import PostgresAnalyticsStore
from madan_sara.persistence.database import Database
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.worker.components import Components, build_components

#: The earliest moment of a message, by its request and the present; None: any.
DueAt = Callable[[StoredRequest, datetime], datetime | None]


class _TimedScheduler(SendTimeScheduler):
    """Plans as ever, but not before the moment that the benchmark names.

    Args:
        database: where requests are stored.
        due_at: names it.
    """

    def __init__(self, database: Database, due_at: DueAt) -> None:
        requests, analytics = PostgresRequestStore(database), PostgresAnalyticsStore(database)
        super().__init__(requests, analytics, tenants=EVERY_TENANT)
        self._due_at = due_at

    def plan_stored(self, stored: StoredRequest, request: PlanInput) -> SendPlan:
        """Plan a message; see `SendTimeScheduler.plan_stored`."""
        not_before = self._due_at(stored, request.now)
        return super().plan_stored(stored, request.model_copy(update={"not_before": not_before}))


def timed_components(
    database: Database, senders: Mapping[Channel, MessageSender], due_at: DueAt
) -> Components:
    """The worker's components, whose first plan is not before the moment named."""
    usual = build_components(database, senders)
    limits = {channel: sender.capabilities.max_characters for channel, sender in senders.items()}
    scheduler = _TimedScheduler(database, due_at)
    router = ChannelRouter(limits, tenants=EVERY_TENANT)
    decider = OutreachDecider(usual.deduplicator, router, scheduler, usual.budget)
    return replace(usual, decider=decider, scheduler=scheduler)
