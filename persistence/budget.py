"""Budget accounts and their ledger, in PostgreSQL."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import InvalidRequestError, NotFoundError, OverLimitError
from madan_sara.contracts.outreach import (
    AttemptUnderWay,
    Block,
    MessageRef,
    ReleaseInput,
    ReleaseResult,
    ReserveInput,
    ReserveResult,
)
from madan_sara.persistence.accounts import (
    ACCOUNT_COLUMNS,
    DAY_LIMITS,
    WITHOUT_DAY,
    account_from,
    open_day,
)
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.ledger_sql import BOOK_ENTRIES, LOCK_MESSAGE
from madan_sara.persistence.reservations import Reservations
from madan_sara.persistence.tallies import TALLIES_AS_JSON, tallies_from
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.returns import CampaignBalances

# A day without an account is shown as it would be opened.
_ACCOUNTS = Query(f"""
SELECT {ACCOUNT_COLUMNS}
  FROM budget_accounts a
 WHERE a.tenant_id = :tenant_id AND a.campaign_id = :campaign_id
   AND (a.scope, a.key) IN (('campaign', ''), ('channel', CAST(:channel AS text)),
                            ('day', CAST(:day AS text)))
UNION ALL
SELECT 'day', CAST(:day AS text), limit_micros, 0, 0, message_limit, 0, NULL
  FROM (SELECT {DAY_LIMITS} FROM campaigns c WHERE {WITHOUT_DAY}) day
 ORDER BY 1, 2
""")  # noqa: S608 - built from constants of ours

_BOOKS = Query(f"""
SELECT (SELECT json_agg(row_to_json(a)) FROM (
            SELECT {ACCOUNT_COLUMNS} FROM budget_accounts a
             WHERE a.tenant_id = :tenant_id AND a.campaign_id = :campaign_id
               AND a.scope IN ('campaign', 'channel')) a) AS accounts,
       {TALLIES_AS_JSON} AS tallies
""")  # noqa: S608 - built from constants of ours

_DAYS = Query(f"""
SELECT {ACCOUNT_COLUMNS}
  FROM messages m JOIN budget_accounts a USING (tenant_id, campaign_id)
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
   AND a.scope = 'day' AND a.key >= CAST(:first AS text)
 ORDER BY a.key
""")  # noqa: S608 - built from constants of ours

# A statement of its own behind the message's lock, which it would otherwise have read before. The
# price of an attempt that a provider may have stays held.
_RELEASE = text(f"""
WITH message AS (
    SELECT tenant_id, message_id FROM messages
     WHERE tenant_id = :tenant_id AND message_id = :message_id
), under_way AS (
    SELECT a.attempt_no, a.channel FROM attempts a
     WHERE a.tenant_id = :tenant_id AND a.message_id = :message_id
       AND a.attempt_no = CAST(:attempt_no AS integer) AND a.state = 'sending'
), entry AS (
    INSERT INTO budget_entries
    SELECT message_id, attempt_no, 'release', tenant_id, campaign_id, channel, day, amount_micros,
           CAST(:now AS timestamptz)
      FROM message CROSS JOIN LATERAL (
           SELECT attempt_no, campaign_id, channel, day, amount_micros FROM budget_entries
            WHERE (tenant_id, message_id, attempt_no, kind)
                = (message.tenant_id, message.message_id, CAST(:attempt_no AS integer), 'hold')
           OFFSET 0) hold
     WHERE NOT EXISTS (SELECT FROM under_way)
        ON CONFLICT DO NOTHING
    RETURNING *
), {BOOK_ENTRIES}
SELECT attempt_no, channel FROM under_way
""")  # noqa: S608 - built from constants of ours

_SPEND = text(f"""
WITH entry AS (
    INSERT INTO budget_entries
    VALUES (:spend_id, 0, 'spend', :tenant_id, :campaign_id, CAST(:channel AS text),
            CAST(CAST(:day AS text) AS date), CAST(:amount_micros AS bigint),
            CAST(:now AS timestamptz))
        ON CONFLICT DO NOTHING
    RETURNING *
), {BOOK_ENTRIES}
SELECT count(*) FROM booked
""")  # noqa: S608 - built from constants of ours


class PostgresBudgetLedger:
    """`BudgetLedger` on PostgreSQL: locked accounts, append-only entries, constraints behind."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reservations = Reservations(database)

    async def reserve(
        self,
        reservation: ReserveInput,
        day: date,
        decide: Callable[[Sequence[Account], int], Block | None],
    ) -> ReserveResult:
        """Hold one attempt's price, or say why not; see `BudgetLedger`."""
        return await self._reservations.reserve(reservation, day, decide)

    async def release(self, release: ReleaseInput) -> ReleaseResult:
        """Give a hold back; see `BudgetLedger`."""
        parameters = {
            "tenant_id": release.ref.tenant_id,
            "message_id": release.ref.message_id,
            "attempt_no": release.attempt_no,
            "now": release.now,
        }
        async with self._database.transaction() as connection:
            await connection.execute(LOCK_MESSAGE, parameters)
            found = await connection.execute(_RELEASE, parameters)
            row = found.mappings().one_or_none()
        return ReleaseResult(under_way=None if row is None else AttemptUnderWay(**row))

    async def days(self, ref: MessageRef, first: date) -> Sequence[Account]:
        """The days of a message's campaign from one on; see `BudgetLedger`."""
        key = {"tenant_id": ref.tenant_id, "message_id": ref.message_id}
        rows = await self._database.fetch(_DAYS, {**key, "first": first.isoformat()})
        return [account_from(row) for row in rows]

    async def accounts(self, campaign: Campaign, channel: Channel, day: date) -> Sequence[Account]:
        """The accounts of a send as they stand; see `BudgetLedger`."""
        rows = await self._database.fetch(_ACCOUNTS, _account_key(campaign, channel, day))
        accounts = [account_from(row) for row in rows]
        scopes = {account.scope for account in accounts}
        if AccountScope.CAMPAIGN not in scopes:
            raise NotFoundError(f"there is no campaign {campaign.id}; save it first")
        if AccountScope.CHANNEL not in scopes:
            raise InvalidRequestError(
                f"channel: {channel} is not among the channels of the saved campaign; "
                "add it there or name another"
            )
        return accounts

    async def balances(self, campaign: Campaign) -> CampaignBalances:
        """A campaign's money and counts at one instant; see `BudgetLedger`."""
        key = {"tenant_id": campaign.tenant_uuid, "campaign_id": campaign.id}
        row = await self._database.fetch_one(_BOOKS, key)
        if row is None or row["accounts"] is None:
            raise NotFoundError.campaign(campaign.id)
        return CampaignBalances(
            accounts=[account_from(account) for account in row["accounts"]],
            tallies=tallies_from(row["tallies"]),
        )

    async def spend(
        self,
        campaign: Campaign,
        channel: Channel,
        day: date,
        amount_micros: int,
        spend_id: UUID,
        now: datetime,
        decide: Callable[[Sequence[Account], int], Block | None],
    ) -> None:
        """Book money spent outside any attempt; see `BudgetLedger`."""
        key = _account_key(campaign, channel, day)
        parameters = {**key, "amount_micros": amount_micros, "spend_id": spend_id, "now": now}
        await self.accounts(campaign, channel, day)
        while True:
            try:
                async with self._database.transaction() as connection:
                    await open_day(connection, key)
                    await connection.execute(_SPEND, parameters)
            except IntegrityError:
                block = decide(await self.accounts(campaign, channel, day), amount_micros)
                if block is not None:
                    raise OverLimitError(block) from None
            else:
                return


def _account_key(campaign: Campaign, channel: Channel, day: date) -> dict[str, object]:
    return {
        "tenant_id": campaign.tenant_uuid,
        "campaign_id": campaign.id,
        "channel": channel.value,
        "day": day.isoformat(),
    }
