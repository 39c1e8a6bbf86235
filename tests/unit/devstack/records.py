"""Records in order: one message sent, one given back, and what the other sides have of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryEventKind
from madan_sara.devstack.checks.records import AttemptRow, CommittedEntry, Count, Message, Records
from madan_sara.emulators.sandbox.behaviour import Behaviour
from madan_sara.emulators.sandbox.journal import LoggedRequest, Receipt
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.ledger import AccountKey, EntryKind

CAMPAIGN = UUID(int=1)
SENT = UUID(int=11)
BLOCKED = UUID(int=12)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PRICE = 5_000
WHOLE = AccountKey(CAMPAIGN, AccountScope.CAMPAIGN, "")
TEXTS = AccountKey(CAMPAIGN, AccountScope.CHANNEL, "sms")
DAY = AccountKey(CAMPAIGN, AccountScope.DAY, "2026-11-22")


def campaign() -> OutreachCampaign:
    return OutreachCampaign.model_validate(
        {
            "id": CAMPAIGN,
            "name": "Fair",
            "channels": ["sms"],
            "settings": {"max_messages_per_day": 1, "prices": {"sms": "0.005"}},
        }
    )


def records() -> Records:
    """One recipient got a text message; the other was refused by every provider."""
    return Records(
        campaigns={CAMPAIGN: "Fair"},
        accounts={
            WHOLE: account(WHOLE, limit_micros=7_000),
            TEXTS: account(TEXTS),
            DAY: account(DAY, message_limit=1),
        },
        entries=[
            entry(BLOCKED, "hold", 0),
            entry(BLOCKED, "release", 1),
            entry(SENT, "hold", 2),
            entry(SENT, "settle", 3),
        ],
        messages={
            SENT: message(SENT, "marie", "sent"),
            BLOCKED: message(BLOCKED, "jean", "failed", reason="all_channels_failed"),
        },
        attempts=[attempt(SENT, "accepted"), attempt(BLOCKED, "refused")],
        counts=[
            Count(CAMPAIGN, "sent", "", "sms", 1),
            Count(CAMPAIGN, "failed", "all_channels_failed", "sms", 1),
        ],
        constraints=frozenset({"spend_within_limit", "messages_within_limit"}),
    )


def account(
    key: AccountKey, *, limit_micros: int | None = None, message_limit: int | None = None
) -> Account:
    return Account(key.scope, key.key, limit_micros, 0, PRICE, message_limit, 1)


def entry(message_id: UUID, kind: str, second: int, *, day: str = "2026-11-22") -> CommittedEntry:
    at = NOON + timedelta(seconds=second)
    return CommittedEntry(message_id, 1, EntryKind(kind), CAMPAIGN, "sms", day, PRICE, at, second)


def message(message_id: UUID, who: str, state: str, *, reason: str = "") -> Message:
    has_claim = state == "sent"
    return Message(message_id, CAMPAIGN, who, state, reason, "sms", False, has_claim)


def attempt(message_id: UUID, state: str) -> AttemptRow:
    known = "sandbox-1" if state == "accepted" else None
    return AttemptRow(message_id, 1, "sms", "sandbox", state, 1, 1, known, "+50937001234")


def log() -> list[LoggedRequest]:
    """The requests to the provider: one for each, of which it took one."""
    return [
        request(1, BLOCKED, taken=False),
        request(2, SENT, taken=True),
    ]


def request(sequence: int, message_id: UUID, *, taken: bool, attempt_no: int = 1) -> LoggedRequest:
    return LoggedRequest(
        sequence=sequence,
        channel=Channel.SMS,
        to="+50937001234",
        text="Bonjou",
        idempotency_key=f"{message_id}:{attempt_no}",
        message_id=str(message_id),
        behaviour=Behaviour.ACCEPT if taken else Behaviour.REFUSE,
        taken=taken,
        duplicate_of_key=False,
        at=NOON + timedelta(seconds=sequence),
        provider_message_id="sandbox-1" if taken else None,
        refusal_code=None if taken else "recipient_refused",
    )


def bounce() -> Receipt:
    """The provider's receipt that the message it took could not be delivered."""
    return Receipt(
        sequence=1,
        provider_event_id="event-1",
        provider_message_id="sandbox-1",
        message_id=str(SENT),
        idempotency_key=f"{SENT}:1",
        channel=Channel.SMS,
        kind=DeliveryEventKind.BOUNCED,
        code="recipient_unreachable",
        occurred_at=NOON,
    )


def with_message(changed: Message) -> Records:
    """The same records with one message otherwise."""
    in_order = records()
    return replace(in_order, messages={**in_order.messages, changed.message_id: changed})
