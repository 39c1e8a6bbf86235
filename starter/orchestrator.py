"""The client library: send, watch and steer outreaches."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from temporalio.client import Client

from madan_sara.activities.budget import BudgetManager
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.contracts.campaign import (
    DEFAULT_TENANT,
    FINAL_STATUSES,
    CampaignStatus,
    OutreachCampaign,
)
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.delivery import DeliveryEvent
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.outreach import OutreachStatus
from madan_sara.contracts.reading import read
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.records import MessageRecord
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.persistence.analytics import PostgresAnalyticsStore
from madan_sara.persistence.bookings import MessageBookings
from madan_sara.persistence.budget import PostgresBudgetLedger
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.claims import PostgresClaimStore
from madan_sara.persistence.database import Database
from madan_sara.persistence.decision_facts import DecisionReader
from madan_sara.persistence.messages import PostgresMessageStore
from madan_sara.persistence.ownership import Ownership, stored_campaign
from madan_sara.persistence.receipts import PostgresReceiptStore
from madan_sara.persistence.recipients import PostgresRecipients
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.policy.selector import ChannelSelector
from madan_sara.starter.answers import (
    BatchResult,
    SendResult,
    batch_result,
    queued_batch,
    send_result,
)
from madan_sara.starter.campaign_control import CampaignControl
from madan_sara.starter.campaign_runs import CampaignRuns
from madan_sara.starter.campaign_status import CampaignStatusResult
from madan_sara.starter.campaigns import Campaigns, ChosenCampaign
from madan_sara.starter.connecting import connect_temporal, database_settings
from madan_sara.starter.conversions import Conversions
from madan_sara.starter.environment import database_of, tenant_settings
from madan_sara.starter.explanation import Explanation, explain_message
from madan_sara.starter.finding import Finding
from madan_sara.starter.importing.files import named_file
from madan_sara.starter.importing.run import (
    ImportOptions,
    ImportProgress,
    ImportResult,
    import_file,
)
from madan_sara.starter.message_status import MessageStatus, ask_message_status
from madan_sara.starter.messages import Messages
from madan_sara.starter.moved_ends import MovedEnds
from madan_sara.starter.outreaches import Outreaches, OutreachHandle
from madan_sara.starter.queued_texts import QueuedTexts, SavedCampaign
from madan_sara.starter.requests import (
    LONGEST_ANSWERED_BATCH,
    new_batch,
    new_message,
    unreachable_warnings,
)
from madan_sara.starter.sending import Sending
from madan_sara.starter.suppressions import LiftedSuppression, Suppressions


class OutreachOrchestrator:
    """Sends outreaches and answers for them.

    The components behind it can be used on their own: `deduplicator`, `router`,
    `selector`, `budget`, `scheduler`. `find` lists campaigns, messages and what one person got.

    Args:
        client: connection to Temporal with the pydantic data converter.
        database: connection to the facts.
        settings: rules of campaigns that bring none of their own.
        tenant_id: owner of the messages this orchestrator reads and steers.

    Raises:
        InvalidRequestError: the settings or the tenant are none.
    """

    def __init__(
        self,
        client: Client,
        database: Database,
        *,
        settings: OrchestratorSettings | None = None,
        tenant_id: UUID = DEFAULT_TENANT,
    ) -> None:
        rules = read(OrchestratorSettings, {} if settings is None else settings, "settings")
        self._database = database
        self._tenant_id = tenant_id = read(UUID, tenant_id, "tenant_id")
        outreaches, decisions = Outreaches(client), DecisionReader(database)
        requests = PostgresRequestStore(database)
        store = PostgresMessageStore(database)
        self._sending = Sending(store, PostgresRecipients(database), outreaches)
        self._runs = CampaignRuns(client)
        self._runs_store = PostgresCampaignRuns(database)
        self._campaigns = Campaigns(database, tenant_id, rules)
        self._queued_texts = QueuedTexts(database)
        self._bookings = MessageBookings(database, tenant_id)
        self._moved_ends = MovedEnds(self._runs_store, outreaches)
        self._conversions = Conversions(database, tenant_id)
        self._suppressions = Suppressions(database, tenant_id)
        self._ownership = Ownership(database, tenant_id)
        receipts = PostgresReceiptStore(database)
        self._messages = Messages(
            store, receipts, requests, outreaches, self._campaigns, self._ownership, tenant_id
        )
        self.deduplicator = MessageDeduplicator(
            PostgresClaimStore(database, decisions), tenants=tenant_id
        )
        self.router = ChannelRouter(dict.fromkeys(Channel), tenants=tenant_id)
        self.selector = ChannelSelector()
        self.budget = BudgetManager(PostgresBudgetLedger(database), tenants=tenant_id)
        self.find = Finding(database, tenant_id, rules)
        self.scheduler = SendTimeScheduler(
            requests, PostgresAnalyticsStore(database), tenants=tenant_id
        )

    @classmethod
    async def connect(cls, *, settings: OrchestratorSettings | None = None) -> Self:
        """Connect to the database and Temporal the environment names.

        Raises:
            UnreachableError: Temporal is not there, or the database not named.
            UnusableSettingsError: a setting in the environment cannot be used.
        """
        database = database_of(database_settings())
        own = settings or tenant_settings()
        return cls(await connect_temporal(), database, settings=own)

    async def close(self) -> None:
        """Close the connections to the database."""
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Campaigns

    async def save_campaign(self, campaign: OutreachCampaign) -> SavedCampaign:
        """Store a campaign, its status included; from then on it takes effect.

        A status that was ordered meanwhile stays, unless the object has got another one, too.

        Imported recipients it has not started yet get its present templates. Sends planned
        after an end that is earlier now are closed as `expired`.

        Returns:
            How many recipients got another text, and how many could not; and how many sends
            were closed.

        Raises:
            CampaignConflictError: it was changed elsewhere, by an operator for one, since this
                object was saved or loaded; names the fields, and nothing was stored.
            InvalidRequestError: its fields contradict each other, or a limit is below what
                is held or spent already; nothing was stored.
        """
        change = await self._campaigns.save(campaign)
        closed, stored = await self._moved_ends.close_behind(change), change.now.campaign
        await self._look_again(campaign.id)
        if stored.status in FINAL_STATUSES:  # No text goes out any more.
            return SavedCampaign(closed=closed)
        return SavedCampaign(await self._queued_texts.renew(stored), closed)

    def campaign(self, campaign_id: UUID) -> CampaignControl:
        """A saved campaign's controls: start, pause, resume, cancel, change its limits."""
        ref = self._ownership.named_campaign(campaign_id)
        return CampaignControl(ref, self._ownership, self._runs_store, self._runs)

    async def get_campaign(self, campaign_id: UUID) -> OutreachCampaign:
        """A saved campaign, to be read, or changed and saved again.

        Raises:
            NotFoundError: there is no such campaign.
        """
        return await self._campaigns.request(campaign_id)

    async def get_orchestration_status(self, campaign_id: UUID) -> CampaignStatusResult:
        """A campaign's budget, daily limit, pacing, counts and prospects.

        Its cost does not grow with the audience; ask as often as you like.

        Raises:
            NotFoundError: there is no such campaign.
        """
        return await self._campaigns.status(campaign_id)

    async def import_recipients(
        self,
        campaign: UUID,
        path: Path,
        *,
        region: str | None = None,
        rejects: Path | None = None,
        on_progress: Callable[[ImportProgress], None] | None = None,
    ) -> ImportResult:
        """Queue the recipients of a CSV or JSON Lines file in a saved campaign.

        Recipients the campaign has already are passed over, so an import that broke off goes
        on when it is called again. Rows that are wrong are not stored.

        Args:
            campaign: the campaign's id; its templates are what the recipients are sent.
            path: a file that ends in .csv, .jsonl or .ndjson.
            region: country of phone numbers without a country code, like HT.
            rejects: where rejected rows go with their reasons; None: beside the file.
            on_progress: called after every couple of thousand rows.

        Raises:
            InvalidRequestError: the file or the campaign cannot be used; nothing was stored,
                unless it is the room for rejected rows that ended.
            NotFoundError: there is no such campaign.
        """
        saved, file = await self._campaigns.get(campaign), named_file(path, "path")
        options = ImportOptions(
            region=None if region is None else read(str, region, "region"),
            rejects=None if rejects is None else named_file(rejects, "rejects"),
            on_progress=on_progress,
        )
        imported = await import_file(PostgresRecipients(self._database), saved, file, options)
        await self._look_again(saved.id)
        return imported

    # Sending

    async def send_outreach(
        self,
        campaign: OutreachCampaign | UUID,
        recipient_id: str,
        recipient_profile: RecipientProfile | Mapping[str, Any],
        content: MessageContent | Mapping[str, Any],
        *,
        force_send: bool = False,
        idempotency_key: str | None = None,
    ) -> SendResult:
        """Send one message; answers as soon as it is decided, not when it is sent.

        Args:
            campaign: the campaign, or the id of a saved one. One that is not saved yet is
                saved; where another is saved under its id, that one stands, and a warning in
                the answer names what differs. Only a change of an object that was saved or
                loaded, and that has not been changed elsewhere since, is saved with the send.
            recipient_id: the person, as the caller knows them.
            recipient_profile: contact data, zone, preferences, engagement.
            content: templates by channel, `default` for the rest.
            force_send: skip look-back, caps and send-time optimisation; never budget,
                suppression, quiet hours or the campaign's state.
            idempotency_key: makes repeating the call safe: the same key answers with
                the first message.

        Returns:
            `scheduled` with channel, time and fallbacks; or `blocked` or `failed` with
            the reason and its figures.

        Raises:
            InvalidRequestError: something is wrong with it; nothing was stored.
        """
        saved = None
        while saved is None:
            chosen = await self._campaigns.choose(campaign)
            message = new_message(
                chosen.campaign,
                recipient_id,
                recipient_profile,
                content,
                force_send=force_send,
                idempotency_key=idempotency_key,
            )
            if chosen.unsaved is not None:
                await self._sending.check_key(message)
            saved = await self._save_chosen(chosen)
        return send_result(await self._sending.send(message), saved.warnings)

    async def send_batch(
        self,
        campaign: OutreachCampaign | UUID,
        recipients: Sequence[Mapping[str, Any]],
        content_templates: MessageContent | Mapping[str, Any],
        *,
        force_send: bool = False,
    ) -> BatchResult:
        """Send to a list of people, each a profile with an `id`.

        A short list, of a thousand at most, is decided while the caller waits, and the answer
        has the details of each recipient. A longer one is queued and its campaign started:
        recipients the campaign knows already are not queued again, and the answer names the
        campaign to watch and steer (see `campaign`). It then runs as one with imported
        recipients does: it paces itself, and is completed once every recipient has an outcome.

        Raises:
            InvalidRequestError: any recipient is wrong, each named, or a long list is for a
                campaign that is still a draft; nothing was stored.
        """
        saved = None
        while saved is None:
            chosen = await self._campaigns.choose(campaign)
            known = chosen.campaign
            messages = new_batch(known, recipients, content_templates, force_send=force_send)
            is_short = len(messages) <= LONGEST_ANSWERED_BATCH
            if not is_short and known.status is CampaignStatus.DRAFT:
                raise InvalidRequestError(
                    f"campaign {known.id} is a draft; start it before it sends"
                )
            saved = await self._save_chosen(chosen)
        if is_short:
            return batch_result(await self._sending.send_all(messages), saved.warnings)
        queued = await self._sending.queue(messages)
        handle = await self.campaign(known.id).start()
        warnings = [*saved.warnings, *unreachable_warnings(known, messages)]
        return queued_batch(len(messages), queued, handle.id, warnings)

    async def process_fallback(self, message_id: UUID) -> SendResult:
        """Carry a message on, on its next channel.

        While it is asleep, its planned channel is given up. After it ended, it is
        taken up again if its accepted attempt has bounced since.

        Raises:
            ConflictError: the message was sent, and falling back would send it twice.
            NotFoundError: there is no such message.
        """
        return send_result(await self._messages.fall_back(message_id))

    # Watching and steering

    def handle(self, message_id: UUID) -> OutreachHandle:
        """The message's workflow, for everything Temporal offers."""
        return self._messages.handle(message_id)

    async def get_status(self, message_id: UUID) -> OutreachStatus:
        """A message's status, asked of its workflow.

        Raises:
            NotFoundError: there is no such message, or no workflow of it; see `get_message`.
        """
        return await self._messages.status(message_id)

    async def get_message(self, message_id: UUID) -> MessageRecord:
        """Everything kept about a message.

        Raises:
            NotFoundError: there is no such message.
        """
        return await self._messages.record(message_id)

    async def get_message_status(self, message_id: UUID) -> MessageStatus:
        """A message's status, asked of its workflow, or of the database if none answers.

        Raises:
            NotFoundError: there is no such message.
        """
        return await ask_message_status(self._messages, self._campaigns, message_id)

    async def explain(self, message_id: UUID) -> Explanation:
        """The reasons for a message's channel, time and price, or why it is not sent at all.

        Raises:
            NotFoundError: there is no such message.
        """
        status = await self.get_message_status(message_id)
        campaign = await self._campaigns.get(status.record.campaign_id)
        return explain_message(status, await self._bookings.of_message(message_id), campaign)

    async def reschedule(self, message_id: UUID, at: datetime) -> SendResult:
        """Move a message that is asleep to another time.

        Raises:
            ConflictError: the time is not allowed, or the message not asleep.
            NotFoundError: there is no such message.
        """
        return send_result(await self._messages.reschedule(message_id, at))

    async def cancel(self, message_id: UUID) -> None:
        """Withdraw a message; one that a provider has taken already stays sent.

        A message whose workflow is gone, terminated by hand perhaps, is closed all the same.

        Raises:
            ConflictError: it has ended, or its workflow is gone while a provider may
                have it.
            NotFoundError: there is no such message.
        """
        await self._messages.cancel(message_id)

    async def record_delivery_event(self, event: DeliveryEvent) -> bool:
        """Keep a provider's receipt, and signal the outreach if it still runs.

        Returns:
            False when the receipt is known already or its message is not ours.
        """
        return await self._messages.receive(event)

    async def record_conversion(
        self,
        message_id: UUID,
        value: Decimal | float | str,
        *,
        conversion_id: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """Keep a conversion of a message: a sale, a booking, a sign-up.

        It counts for the channel the message was sent on; a message may bring several.

        Args:
            message_id: a message that was sent, or may have been.
            value: in the campaign's currency, at most six decimals; 0 where there is none.
            conversion_id: the caller's name for it; counted once, however often repeated.
            at: when it happened; the present unless given.

        Returns:
            The conversion's id.

        Raises:
            InvalidRequestError: the message was not sent, the value is no amount, or the
                id stands for a conversion of another value; nothing was counted.
            NotFoundError: there is no such message.
        """
        return await self._conversions.record(message_id, value, conversion_id=conversion_id, at=at)

    async def suppress(
        self,
        *,
        recipient_id: str | None = None,
        address: str | None = None,
        channel: Channel | None = None,
        reason: str = "asked not to be contacted",
    ) -> None:
        """Never contact a recipient or an address again, on one channel or on any.

        A recipient's known mailboxes and numbers are suppressed with the recipient, under
        any other id, too; messages asleep for them are not sent.

        Args:
            recipient_id: the person, as requests name them.
            address: or a mailbox, number, handle or id, in any form; of digits alone it is
                taken only with its channel, or as a number with + and its country.
            channel: where not to contact; None: nowhere.
            reason: kept and shown, in histories too: no personal data.

        Raises:
            InvalidRequestError: neither or both of recipient and address are given, or
                something is wrong with one of the four; nothing was stored.
        """
        await self._suppressions.suppress(recipient_id, address, channel, reason)

    async def lift_suppression(
        self,
        *,
        recipient_id: str | None = None,
        address: str | None = None,
        channel: Channel | None = None,
    ) -> list[LiftedSuppression]:
        """Allow contact with a recipient or an address again.

        All suppressions of one request are lifted together: of a person who has unsubscribed,
        the recipient and the address. Another request for the same address stays.

        Args:
            recipient_id: the person, as requests name them.
            address: or a mailbox, number, handle or id, in any form.
            channel: where; None: on every channel it was suppressed on.

        Returns:
            The suppressions lifted, one for each recipient or address and channel.

        Raises:
            InvalidRequestError: neither or both of recipient and address are given, or
                something is wrong with one of the three.
            NotFoundError: there is no such suppression.
        """
        return await self._suppressions.lift(recipient_id, address, channel)

    # Inside

    async def _save_chosen(self, chosen: ChosenCampaign) -> ChosenCampaign | None:
        saved = await self._campaigns.save_chosen(chosen)
        if saved is not None and saved.change is not None:
            await self._moved_ends.close_behind(saved.change)
            await self._look_again(chosen.campaign.id)
        return saved

    async def _look_again(self, campaign_id: UUID) -> None:
        """Have a campaign's workflow see what was saved of it, if one runs."""
        await self._runs.notify(stored_campaign(self._tenant_id, campaign_id))
