"""A tenant that is kept twice: in memory, and in PostgreSQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar, cast
from uuid import UUID, uuid4

from sqlalchemy import text

from madan_sara.activities.attempt_store import AttemptStore
from madan_sara.activities.budget import BudgetManager
from madan_sara.activities.campaign_stores import CampaignRunStore
from madan_sara.activities.decider import OutreachDecider
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.activities.provider_accounts import ProviderAccounts
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.activities.stores import AnalyticsStore, BudgetLedger, ClaimStore, RequestStore
from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.campaign_run import CampaignRef
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryEvent
from madan_sara.contracts.outreach import MessageRef, OutreachState
from madan_sara.persistence.attempts import PostgresAttemptStore
from madan_sara.persistence.budget import PostgresBudgetLedger
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.claims import PostgresClaimStore
from madan_sara.persistence.database import Database
from madan_sara.persistence.decision_facts import DecisionReader
from madan_sara.persistence.messages import PostgresMessageStore
from madan_sara.persistence.provider_accounts import PostgresProviderAccounts
from madan_sara.persistence.receipts import PostgresReceiptStore
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.persistence.suppressions import PostgresSuppressions, Subject
from madan_sara.policy.addresses import addresses_of
from madan_sara.policy.templates import RenderedMessages
from madan_sara.starter.requests import new_message
from tests.simulation.stores.attempts import MemoryAttempts
from tests.simulation.stores.campaigns import SWEPT_AT_ONCE, MemoryCampaigns
from tests.simulation.stores.claims import MemoryClaims
from tests.simulation.stores.ledger import MemoryLedger, campaign_accounts
from tests.simulation.stores.provider_accounts import MemoryProviderAccounts
from tests.simulation.stores.receipts import receive
from tests.simulation.stores.requests import MemoryRequests
from tests.simulation.stores.suppressions import suppress_person
from tests.simulation.tables import CampaignRow, MessageRow, Tables
from tests.stored import store_campaign
from tests.twins.plain import plain
from tests.twins.rows import rows_in_memory, rows_in_postgres
from tests.twins.twin import Twin, require_equal

R = TypeVar("R")

CHANNELS: Final = (Channel.EMAIL, Channel.SMS, Channel.CHAT)
TEXTS: Final = ("Bonjou {{ name }}!", "The market opens on Saturday at nine, with bread.")
#: Ids and what is known of them: the second shares the first one's mailbox and the third one's
#: number, and has on another channel the name that is the last one's in the chat.
PEOPLE: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("marie", {"email": "marie@example.com", "phone": "+50937001234", "user_id": "marie"}),
    ("marie-ann", {"email": "marie@example.com", "phone": "+50937005678", "instagram": "jo"}),
    ("jane", {"phone": "+50937005678"}),
    ("jo", {"email": "jo@example.com", "user_id": "jo"}),
)
_BEGINS: Final = datetime(2024, 3, 5, 15, 0, tzinfo=UTC)

# As an import leaves a recipient.
_QUEUE: Final = text("""
WITH queued AS (
    UPDATE messages SET state = 'queued' WHERE tenant_id = :tenant_id AND message_id = :message_id
    RETURNING tenant_id, campaign_id, message_id
)
INSERT INTO campaign_queue SELECT tenant_id, campaign_id, message_id FROM queued
""")


class Directly:
    """Carries statements out at once."""

    async def call(self, what: str, commit: Callable[[], R]) -> R:
        return commit()

    def planned(self, due_at: datetime | None) -> None:
        pass


class Letter(NamedTuple):
    """A message to store."""

    campaign_id: UUID
    person: int
    text: int
    force_send: bool
    is_queued: bool


class _Receipts:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def receive(self, tenant_id: UUID, event: DeliveryEvent, now: datetime) -> bool:
        return receive(self._tables, event, now)


class _Suppressions:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def suppress(
        self,
        tenant_id: UUID,
        subject: Subject,
        *,
        channel: Channel | None,
        reason: str,
        now: datetime,
    ) -> None:
        assert subject.recipient_id is not None
        suppress_person(self._tables, subject.recipient_id, channel, reason, now)


class World:
    """A tenant, and the steps on its twin stores.

    Args:
        database: where the one half is.
        asked: is told the name of each method of a port that was called.
    """

    def __init__(self, database: Database, asked: Callable[[str], None]) -> None:
        self._database = database
        self.tenant_id = uuid4()
        self.tables = Tables()
        self._now = _BEGINS
        self._asked = asked
        #: By campaign, the numbers of the last event that was heard of.
        self._heard: dict[UUID, tuple[int, int]] = {}
        self._failing = MemoryProviderAccounts(Directly())
        self._build(Directly())
        self._build_steps()

    def _build(self, line: Directly) -> None:
        database, tables, failing = self._database, self.tables, self._failing

        def twin(name: str, memory: object, postgres: object) -> Any:
            return Twin(name, memory, postgres, self._asked)

        decisions = DecisionReader(database)
        runs = PostgresCampaignRuns(database, swept_at_once=SWEPT_AT_ONCE)
        self.claims: ClaimStore = twin(
            "ClaimStore", MemoryClaims(tables, line), PostgresClaimStore(database, decisions)
        )
        self.requests: RequestStore = twin(
            "RequestStore", MemoryRequests(tables, line), PostgresRequestStore(database)
        )
        self.ledger: BudgetLedger = twin(
            "BudgetLedger", MemoryLedger(tables, line), PostgresBudgetLedger(database)
        )
        self.attempts: AttemptStore = twin(
            "AttemptStore", MemoryAttempts(tables, failing, line), PostgresAttemptStore(database)
        )
        self.accounts: ProviderAccounts = twin(
            "ProviderAccounts", failing, PostgresProviderAccounts(database)
        )
        self._both_runs: tuple[CampaignRunStore, CampaignRunStore] = (
            MemoryCampaigns(tables, failing, line),
            runs,
        )
        self.runs: CampaignRunStore = twin("CampaignRunStore", *self._both_runs)
        self.receipts: PostgresReceiptStore = twin(
            "receipts", _Receipts(tables), PostgresReceiptStore(database)
        )
        self.suppressions: PostgresSuppressions = twin(
            "suppressions", _Suppressions(tables), PostgresSuppressions(database)
        )

    def _build_steps(self) -> None:
        self.deduplicator = MessageDeduplicator(self.claims, tenants=EVERY_TENANT)
        analytics = cast(AnalyticsStore, self.requests)
        self.decider = OutreachDecider(
            self.deduplicator,
            ChannelRouter(dict.fromkeys(CHANNELS), tenants=EVERY_TENANT),
            SendTimeScheduler(self.requests, analytics, tenants=EVERY_TENANT),
            BudgetManager(self.ledger, tenants=EVERY_TENANT),
        )

    # Time

    def now(self) -> datetime:
        """The present: no two are equal, so that what is sorted by them has one order."""
        self._now += timedelta(microseconds=1)
        return self._now

    def pass_time(self, time: timedelta) -> None:
        """Let time pass."""
        self._now += time

    async def events_after(self, ref: CampaignRef, *, from_start: bool) -> None:
        """Ask both halves for the events since they were last asked: each counts by itself."""
        self._asked("CampaignRunStore.events_after")
        heard = (0, 0) if from_start else self._heard.get(ref.campaign_id, (0, 0))
        answers = [
            await runs.events_after(ref, number)
            for runs, number in zip(self._both_runs, heard, strict=True)
        ]
        ours, theirs = ([event for _, event in answer] for answer in answers)
        require_equal("CampaignRunStore.events_after", plain(ours), plain(theirs))
        if all(answers):
            memory, postgres = answers
            self._heard[ref.campaign_id] = (memory[-1][0], postgres[-1][0])

    # What there is

    def ref(self, message_id: UUID) -> MessageRef:
        """A message of the tenant, there or not."""
        return MessageRef(tenant_id=self.tenant_id, message_id=message_id)

    def campaign_ref(self, campaign_id: UUID) -> CampaignRef:
        """A campaign of the tenant, there or not."""
        return CampaignRef(tenant_id=self.tenant_id, campaign_id=campaign_id)

    async def add_campaign(self, campaign: Campaign) -> None:
        """Save a new campaign in both halves."""
        now = self.now()
        await store_campaign(self._database, campaign, now)
        self.tables.campaigns[campaign.id] = CampaignRow(campaign, now)
        self.tables.accounts.update(campaign_accounts(campaign))

    async def add_message(self, letter: Letter) -> None:
        """Store a new message in both halves."""
        recipient_id, contact = PEOPLE[letter.person]
        campaign = self.tables.campaigns[letter.campaign_id].campaign
        message = new_message(
            campaign,
            recipient_id,
            {"name": "Marie", "contact_info": contact},
            {"default": TEXTS[letter.text]},
            force_send=letter.force_send,
        )
        message = replace(message, message_id=UUID(int=len(self.tables.messages) + 1))
        await PostgresMessageStore(self._database).store(message, self.now())
        row = MessageRow(
            ref=self.ref(message.message_id),
            campaign_id=campaign.id,
            recipient_id=recipient_id,
            rendered=RenderedMessages(message.content, message.profile),
            addresses=addresses_of(message.profile.contact_info),
            force_send=letter.force_send,
            state=OutreachState.DECIDING,
        )
        self.tables.messages[message.message_id] = row
        if letter.is_queued:
            row.state = OutreachState.QUEUED
            self.tables.campaigns[campaign.id].queue.add(message.message_id)
            async with self._database.statement() as connection:
                await connection.execute(_QUEUE, dict(row.ref))

    async def require_equal_rows(self) -> None:
        """See that both halves have the same rows.

        Raises:
            TwinsDifferError: they have not.
        """
        in_postgres = await rows_in_postgres(self._database, self.tenant_id)
        require_equal("rows", rows_in_memory(self.tables, self._failing), in_postgres)
