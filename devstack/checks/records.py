"""The stored facts that the checks compare, read in one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.naming import idempotency_key
from madan_sara.contracts.recipient import STORED, ContactInfo
from madan_sara.persistence.accounts import account_from
from madan_sara.persistence.database import Database
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.ledger import AccountKey, EntryKind, LedgerEntry

#: An attempt whose message has reached the provider.
TAKEN: Final = frozenset({AttemptState.ACCEPTED, AttemptState.BOUNCED})


@dataclass(frozen=True)
class CommittedEntry(LedgerEntry):
    """A booking; those of one commit belong together."""

    #: When its transaction was committed, and which one that was; None: the server kept no note.
    committed_at: datetime | None
    commit: int


@dataclass(frozen=True)
class Message:
    """A message and its state."""

    message_id: UUID
    campaign_id: UUID
    recipient_id: str
    #: An `OutreachState`.
    state: str
    reason: str
    channel: str
    forced: bool
    #: It holds the right to contact its recipient.
    has_claim: bool
    #: How many times its channel's price is paid: the segments of a text message.
    parts: int = 1


@dataclass(frozen=True)
class AttemptRow:
    """One attempt at a provider."""

    message_id: UUID
    attempt_no: int
    channel: str
    provider: str
    #: An `AttemptState`.
    state: str
    #: Calls it was about to make, and those that were about the message.
    openings: int
    tries: int
    provider_message_id: str | None
    #: The address it was to go to.
    address: str | None

    @property
    def key(self) -> str:
        """Its key at the provider."""
        return idempotency_key(self.message_id, self.attempt_no)


@dataclass(frozen=True)
class Count:
    """Messages of a campaign in one state, as the campaign's tallies have it."""

    campaign_id: UUID
    state: str
    reason: str
    channel: str
    messages: int


@dataclass(frozen=True)
class Records:
    """The facts in the database."""

    #: Campaigns by name.
    campaigns: Mapping[UUID, str]
    accounts: Mapping[AccountKey, Account]
    #: In the order in which they were committed.
    entries: Sequence[CommittedEntry]
    messages: Mapping[UUID, Message]
    attempts: Sequence[AttemptRow]
    counts: Sequence[Count]
    #: Names of the constraints on accounts that are in force.
    constraints: frozenset[str]


_CAMPAIGNS: Final = text("SELECT campaign_id, name FROM campaigns")

_ACCOUNTS: Final = text("""
SELECT campaign_id, scope, key, limit_micros, held_micros, spent_micros, message_limit,
       message_count, last_due_at
  FROM budget_accounts
""")

# A booking locks the campaign's account until it commits, and the commit is noted before
# the lock is let go: this is the order in which the accounts were moved. The moment an entry
# carries is its workflow's, which two may share.
_ENTRIES: Final = text("""
SELECT message_id, attempt_no, kind, campaign_id, channel, CAST(day AS text) AS day, amount_micros,
       CASE WHEN current_setting('track_commit_timestamp') = 'on'
            THEN pg_xact_commit_timestamp(xmin) END AS committed_at,
       CAST(CAST(xmin AS text) AS bigint) AS commit
  FROM budget_entries
 ORDER BY committed_at, commit
""")

_MESSAGES: Final = text("""
SELECT message_id, campaign_id, recipient_id, state, coalesce(reason, '') AS reason,
       coalesce(channel, '') AS channel, force_send AS forced,
       EXISTS (SELECT FROM recipient_claims r
                WHERE r.message_id = m.message_id AND r.released_at IS NULL) AS has_claim,
       CASE WHEN plan ->> 'channel' = channel THEN coalesce(CAST(plan ->> 'parts' AS integer), 1)
            ELSE 1 END AS parts
  FROM messages m
""")

_ATTEMPTS: Final = text("""
SELECT message_id, attempt_no, a.channel, provider, a.state, openings, tries, provider_message_id,
       CAST(m.profile -> 'contact_info' AS text) AS contact_info
  FROM attempts a JOIN messages m USING (message_id)
 ORDER BY message_id, attempt_no
""")

_COUNTS: Final = text("""
SELECT campaign_id, name AS state, reason, channel, CAST(sum(messages) AS bigint) AS messages
  FROM (SELECT campaign_id, kind, name, reason, channel, messages FROM campaign_tallies
        UNION ALL
        SELECT campaign_id, kind, name, reason, channel, messages
          FROM campaign_tally_changes) kept
 WHERE kind = 'state'
 GROUP BY campaign_id, name, reason, channel
HAVING sum(messages) <> 0
""")

_CONSTRAINTS: Final = text("""
SELECT conname FROM pg_constraint
 WHERE conrelid = 'budget_accounts'::regclass AND contype = 'c' AND convalidated
""")

T = TypeVar("T")


async def read_records(database: Database) -> Records:
    """Read all of it; nothing may be under way meanwhile."""
    async with database.statement() as connection:
        campaigns = (await connection.execute(_CAMPAIGNS)).all()
        messages = await _read(connection, _MESSAGES, Message)
        return Records(
            campaigns={row.campaign_id: row.name for row in campaigns},
            accounts=await _read_accounts(connection),
            entries=await _read_entries(connection),
            messages={message.message_id: message for message in messages},
            attempts=await _read_attempts(connection),
            counts=await _read(connection, _COUNTS, Count),
            constraints=frozenset((await connection.execute(_CONSTRAINTS)).scalars()),
        )


async def read_ledger(
    database: Database,
) -> tuple[Mapping[AccountKey, Account], Sequence[CommittedEntry]]:
    """Every account and every entry there is; nothing may be under way meanwhile."""
    async with database.statement() as connection:
        return await _read_accounts(connection), await _read_entries(connection)


async def _read(connection: AsyncConnection, statement: TextClause, row: type[T]) -> list[T]:
    """Rows as dataclasses, column by column."""
    return [row(**values) for values in (await connection.execute(statement)).mappings()]


async def _read_accounts(connection: AsyncConnection) -> dict[AccountKey, Account]:
    return {
        AccountKey(row["campaign_id"], AccountScope(row["scope"]), row["key"]): account_from(row)
        for row in (await connection.execute(_ACCOUNTS)).mappings()
    }


async def _read_entries(connection: AsyncConnection) -> list[CommittedEntry]:
    return [
        CommittedEntry(**{**row, "kind": EntryKind(row["kind"])})
        for row in (await connection.execute(_ENTRIES)).mappings()
    ]


async def _read_attempts(connection: AsyncConnection) -> list[AttemptRow]:
    attempts = []
    for row in (await connection.execute(_ATTEMPTS)).mappings():
        values = dict(row)
        contact = ContactInfo.model_validate_json(values.pop("contact_info"), context=STORED)
        address = contact.address_for(Channel(row["channel"]))
        attempts.append(AttemptRow(**values, address=address))
    return attempts
