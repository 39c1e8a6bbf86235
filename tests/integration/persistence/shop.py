"""A tenant with stores and no workers: every step is made by hand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from madan_sara.contracts.campaign import Campaign, OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingDecision, SendPlan, TimingReason, ZoneSource
from madan_sara.contracts.delivery import AttemptState, DeliveryEvent, DeliveryEventKind
from madan_sara.contracts.outreach import (
    ConcludeInput,
    ConcludeResult,
    ExitReason,
    MessageRef,
    OutreachState,
    ReleaseInput,
    ReserveInput,
    ReserveResult,
)
from madan_sara.contracts.records import BookingState
from madan_sara.persistence.attempts import PostgresAttemptStore
from madan_sara.persistence.bookings import MessageBookings
from madan_sara.persistence.budget import PostgresBudgetLedger
from madan_sara.persistence.campaigns import PostgresCampaignStore
from madan_sara.persistence.claims import PostgresClaimStore
from madan_sara.persistence.database import Database
from madan_sara.persistence.decision_facts import DecisionReader
from madan_sara.persistence.messages import PostgresMessageStore
from madan_sara.persistence.receipts import PostgresReceiptStore
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.policy.budget import decide_reservation
from madan_sara.starter.requests import new_message
from tests.makers import make_campaign, phone_of
from tests.stored import store_campaign

NOW = datetime(2025, 11, 20, 12, tzinfo=UTC)
TODAY = NOW.date()


class Shop:
    """Stores of one tenant, and the shortest way to call them."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self.database = database
        self.tenant_id = tenant_id
        self.campaigns = PostgresCampaignStore(database)
        self.messages = PostgresMessageStore(database)
        self.receipts = PostgresReceiptStore(database)
        self.decisions = DecisionReader(database)
        self.claims = PostgresClaimStore(database, self.decisions)
        self.ledger = PostgresBudgetLedger(database)
        self.attempts = PostgresAttemptStore(database)
        self.requests = PostgresRequestStore(database)

    async def campaign(self, **changes: Any) -> Campaign:
        """A saved campaign."""
        campaign = make_campaign(self.tenant_id, **{"start_date": NOW, "timezone": None, **changes})
        return await self.save(campaign)

    async def save(self, campaign: OutreachCampaign | Campaign) -> Campaign:
        """Store a campaign, or another state of one."""
        return await store_campaign(self.database, campaign, NOW)

    async def message(
        self, campaign: Campaign, recipient_id: str = "ana", **changes: Any
    ) -> MessageRef:
        """A stored message of a campaign, not yet claimed."""
        profile = {"contact_info": {"user_id": recipient_id, "phone": phone_of(recipient_id)}}
        content = {"default": "The market opens at eight."}
        message = new_message(campaign, recipient_id, profile, content, **changes)
        await self.messages.store(message, NOW)
        return MessageRef(tenant_id=self.tenant_id, message_id=message.message_id)

    async def reserve(
        self,
        ref: MessageRef,
        attempt_no: int = 1,
        *,
        price: int = 1_000_000,
        channel: Channel = Channel.CHAT,
        day: date = TODAY,
        replaces: int | None = None,
        generation: int | None = None,
    ) -> ReserveResult:
        """Hold the price of an attempt on a day."""
        plan = SendPlan(
            channel=channel,
            scheduled_at=datetime.combine(day, NOW.timetz()),
            reason=TimingReason.IMMEDIATE,
            zone="UTC",
            zone_source=ZoneSource.UTC,
            campaign_day=day,
            price_micros=price,
        )
        reservation = ReserveInput(
            ref=ref,
            attempt_no=attempt_no,
            plan=plan,
            routing=RoutingDecision(channel=channel, assessments=[], policy_version="test"),
            now=NOW,
            replaces_attempt_no=replaces,
            generation=generation,
        )
        return await self.ledger.reserve(reservation, day, decide_reservation)

    async def settle(
        self,
        ref: MessageRef,
        attempt_no: int = 1,
        state: OutreachState = OutreachState.SENT,
        *,
        after: timedelta = timedelta(0),
    ) -> None:
        """Have an attempt taken by a provider, or perhaps taken, if it has a hold or was begun."""
        bookings = await MessageBookings(self.database, self.tenant_id).of_message(ref.message_id)
        if any(b.attempt_no == attempt_no and b.state is BookingState.HELD for b in bookings):
            await self.attempts.open_attempt(
                ref, attempt_no, Channel.CHAT, "postman", NOW, openings_before=0
            )
        if (await self.attempts.delivery_facts(ref, attempt_no, Channel.CHAT, "")).attempt:
            answer = AttemptState.ACCEPTED if state is OutreachState.SENT else AttemptState.UNKNOWN
            await self.attempts.record_attempt(
                ref, attempt_no, answer, NOW + after, openings=1, tries=1
            )

    async def receive(self, ref: MessageRef, kind: DeliveryEventKind, attempt_no: int = 1) -> bool:
        """Keep a new receipt of an attempt."""
        event = DeliveryEvent(
            provider="sandbox",
            provider_event_id=uuid4().hex,
            message_id=ref.message_id,
            attempt_no=attempt_no,
            kind=kind,
            occurred_at=NOW,
        )
        return await self.receipts.receive(self.tenant_id, event, NOW)

    async def let_in(self, account: str) -> None:
        """Have the next call to an account look whether it is back."""
        async with self.database.statement() as connection:
            await connection.execute(
                text(
                    "UPDATE provider_accounts SET probe_at = '-infinity' WHERE account = :account"
                ),
                {"account": account},
            )

    async def impatient(self, ref: MessageRef) -> None:
        """Have a message wait for longer than any patience."""
        async with self.database.statement() as connection:
            await connection.execute(
                text("UPDATE attempts SET waited = '30 days' WHERE message_id = :id"),
                {"id": ref.message_id},
            )

    async def release(self, ref: MessageRef, attempt_no: int = 1) -> None:
        """Give an attempt's hold back."""
        await self.ledger.release(ReleaseInput(ref=ref, attempt_no=attempt_no, now=NOW))

    async def conclude(
        self, ref: MessageRef, state: OutreachState = OutreachState.CANCELLED
    ) -> ConcludeResult:
        """End a message unsent."""
        return await self.requests.conclude(
            ConcludeInput(ref=ref, state=state, reason=ExitReason.CANCELLED, now=NOW)
        )
