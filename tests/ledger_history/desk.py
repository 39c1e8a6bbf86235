"""The operations of a round on the stores, each with its answer."""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.exc import IntegrityError

from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.contracts.campaign import Campaign, ChannelBudget
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingDecision, SendPlan, TimingReason, ZoneSource
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.outreach import (
    FINAL_STATES,
    ConcludeInput,
    DecideInput,
    ExitReason,
    MessageRef,
    OutreachState,
    ReleaseInput,
    ReserveInput,
)
from madan_sara.persistence.attempts import PostgresAttemptStore
from madan_sara.persistence.budget import PostgresBudgetLedger
from madan_sara.persistence.campaigns import PostgresCampaignStore
from madan_sara.persistence.claims import PostgresClaimStore
from madan_sara.persistence.database import Database
from madan_sara.persistence.decision_facts import DecisionReader
from madan_sara.persistence.messages import PostgresMessageStore
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.policy.budget import decide_reservation
from madan_sara.policy.campaign_versions import StoredCampaign
from madan_sara.starter.requests import new_message
from tests.ledger_history.calls import Answer, Call, Kind
from tests.ledger_history.round import UNIT, moment

#: The calls on one message that race may end so; they change nothing then.
_CONFLICTS = (IntegrityError, asyncpg.UniqueViolationError)


@dataclass(frozen=True)
class Outcome:
    """The answer to a call, and what only the call itself could tell of its question."""

    answer: Answer
    about: str = ""
    value: int = 0


class Desk:
    """The stores of one process."""

    def __init__(self, database: Database, tenant_id: UUID, campaigns: list[Campaign]) -> None:
        self._tenant_id = tenant_id
        self._campaigns = {str(campaign.id): campaign for campaign in campaigns}
        self._store = PostgresCampaignStore(database)
        self._messages = PostgresMessageStore(database)
        self._attempts = PostgresAttemptStore(database)
        self._requests = PostgresRequestStore(database)
        self._ledger = PostgresBudgetLedger(database)
        self._rights = MessageDeduplicator(
            PostgresClaimStore(database, DecisionReader(database)), tenants=EVERY_TENANT
        )

    @classmethod
    async def open(cls, database: Database, tenant_id: UUID, campaigns: tuple[str, ...]) -> "Desk":
        """A desk for stored campaigns."""
        store = PostgresCampaignStore(database)
        stored = [await store.load(tenant_id, UUID(campaign)) for campaign in campaigns]
        return cls(database, tenant_id, [found.campaign for found in stored if found])

    async def message(self, campaign: str, person: str, number: str) -> str:
        """Store a message to a person; its id."""
        profile = {"contact_info": {"user_id": person, "phone": number}}
        content = {"default": "The market opens at eight."}
        message = new_message(self._campaigns[campaign], person, profile, content)
        await self._messages.store(message, moment(0))
        return str(message.message_id)

    async def answer(self, call: Call) -> Outcome:
        """Make a call."""
        operation = {
            Kind.HOLD: self._hold,
            Kind.RELEASE: self._release,
            Kind.SETTLE: self._settle,
            Kind.CLAIM: self._claim,
            Kind.CLOSE: self._close,
            Kind.LIMIT: self._change_limit,
        }[call.kind]
        try:
            return await operation(call)
        except _CONFLICTS:
            return Outcome(Answer.CONFLICT)

    async def open_attempt(self, call: Call) -> bool:
        """Record that a provider is called, so that a settle of the attempt can follow."""
        return await self._attempts.open_attempt(
            self._ref(call),
            call.attempt,
            Channel(call.channel),
            "postman",
            moment(call.number),
            openings_before=0,
        )

    async def _hold(self, call: Call) -> Outcome:
        channel, day = Channel(call.channel), date.fromisoformat(call.day)
        plan = SendPlan(
            channel=channel,
            scheduled_at=datetime.combine(day, time(12), moment(0).tzinfo),
            reason=TimingReason.IMMEDIATE,
            zone="UTC",
            zone_source=ZoneSource.UTC,
            campaign_day=day,
            price_micros=call.amount * UNIT,
        )
        reservation = ReserveInput(
            ref=self._ref(call),
            attempt_no=call.attempt,
            plan=plan,
            routing=RoutingDecision(channel=channel, assessments=[], policy_version="test"),
            now=moment(call.number),
            replaces_attempt_no=call.replaces or None,
        )
        answer = await self._ledger.reserve(reservation, day, decide_reservation)
        if answer.block is None:
            return Outcome(Answer.GRANTED)
        if answer.block.reason is ExitReason.CANCELLED:
            return Outcome(Answer.HAS_ENDED)
        about = answer.block.details.get("scope", "messages")
        return Outcome(Answer(answer.block.reason.value), str(about))

    async def _release(self, call: Call) -> Outcome:
        await self._ledger.release(
            ReleaseInput(ref=self._ref(call), attempt_no=call.attempt, now=moment(call.number))
        )
        return Outcome(Answer.GRANTED)

    async def _settle(self, call: Call) -> Outcome:
        await self._attempts.record_attempt(
            self._ref(call),
            call.attempt,
            AttemptState.ACCEPTED,
            moment(call.number),
            openings=1,
            tries=1,
        )
        return Outcome(Answer.GRANTED)

    async def _claim(self, call: Call) -> Outcome:
        request = DecideInput(ref=self._ref(call), now=moment(call.number))
        claim = await self._rights.claim(request)
        block = claim.result.block
        if block is None and claim.decided is not None:
            return Outcome(Answer.FOUND_AGAIN)
        if block is None:
            has_ended = claim.facts.request.state in FINAL_STATES
            return Outcome(Answer.HAS_ENDED if has_ended else Answer.GRANTED)
        if claim.result.end is OutreachState.CANCELLED:
            return Outcome(Answer.HAS_ENDED)
        return Outcome(Answer(block.reason.value), str(block.details.get("period", "")))

    async def _close(self, call: Call) -> Outcome:
        await self._requests.conclude(
            ConcludeInput(
                ref=self._ref(call),
                state=OutreachState.CANCELLED,
                reason=ExitReason.CANCELLED,
                now=moment(call.number),
            )
        )
        return Outcome(Answer.GRANTED)

    async def _change_limit(self, call: Call) -> Outcome:
        """Move a limit by the value of the call; the outcome has the limit that was asked for."""
        asked: list[int] = []

        def changed(stored: StoredCampaign) -> Campaign:
            before = limits_of(stored.campaign)[call.limit]
            asked.append(max(before + call.value, 0) or before + 1)
            return with_limit(stored.campaign, call.limit, asked[-1])

        campaign = self._campaigns[call.campaign]
        try:
            await self._store.save(campaign, moment(call.number), over=changed)
        except InvalidRequestError:
            return Outcome(Answer.BELOW_USED, value=asked[-1])
        return Outcome(Answer.GRANTED, value=asked[-1])

    def _ref(self, call: Call) -> MessageRef:
        return MessageRef(tenant_id=self._tenant_id, message_id=UUID(call.message))


def limits_of(campaign: Campaign) -> dict[str, int]:
    """A campaign's limits, by their names."""
    by_channel = campaign.budget_per_channel or {}
    limits: dict[str, Any] = {
        "campaign": campaign.budget_total,
        "day": campaign.daily_spend_limit,
        "messages": campaign.daily_limit,
        **{f"channel:{channel}": budget.total for channel, budget in by_channel.items()},
    }
    return {name: int(limit) for name, limit in limits.items() if limit is not None}


def with_limit(campaign: Campaign, name: str, value: int) -> Campaign:
    """A copy of a campaign with another limit."""
    if name == "messages":
        return campaign.model_copy(update={"daily_limit": value})
    if name.startswith("channel:"):
        budgets = {Channel(name.partition(":")[2]): ChannelBudget(total=Decimal(value))}
        return campaign.model_copy(update={"budget_per_channel": budgets})
    field = {"campaign": "budget_total", "day": "daily_spend_limit"}[name]
    return campaign.model_copy(update={field: Decimal(value)})
