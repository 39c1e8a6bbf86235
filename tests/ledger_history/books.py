"""The commits of a round, read from a database that notes when each was made.

The server runs with `track_commit_timestamp`. A claim's row keeps only its last change; so a
trigger of this module's own notes each of them in a table of its own, in the same transaction.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import RowMapping, text

from madan_sara.contracts.campaign_run import LIMITS_SAVED
from madan_sara.persistence.database import Database
from tests.ledger_history.bookings import Booking, Commit
from tests.ledger_history.claims import ClaimChange
from tests.ledger_history.round import BASE, UNIT

_NOTES: Final = (
    """
CREATE TABLE noted_claim_changes (
    nth        bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id  uuid NOT NULL,
    message_id uuid NOT NULL,
    kind       text NOT NULL,
    changed_at timestamptz NOT NULL
)
""",
    "CREATE INDEX noted_by_tenant ON noted_claim_changes (tenant_id)",
    """
CREATE FUNCTION note_claim_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO noted_claim_changes (tenant_id, message_id, kind, changed_at)
    SELECT NEW.tenant_id, NEW.message_id, kind, changed_at
      FROM (VALUES ('claim', CASE WHEN TG_OP = 'INSERT' THEN NEW.claimed_at END),
                   ('sent', CASE WHEN TG_OP = 'UPDATE' AND OLD.sent_at IS NULL
                                 THEN NEW.sent_at END),
                   ('release', CASE WHEN TG_OP = 'UPDATE' AND OLD.released_at IS NULL
                                    THEN NEW.released_at END)) AS change (kind, changed_at)
     WHERE changed_at IS NOT NULL;
    RETURN NULL;
END
$$
""",
    """
CREATE TRIGGER note_changes AFTER INSERT OR UPDATE ON recipient_claims
    FOR EACH ROW EXECUTE FUNCTION note_claim_change()
""",
)

#: Of the table t: the call that wrote a row, and the place of its commit. A row of these tables
#: is never changed; and a commit is noted before its locks are let go, so that commits which
#: wait for each other stand in the order in which they happened.
_COMMIT: Final = """
    CAST(extract(epoch FROM {instant} - CAST(:base AS timestamptz)) * 1000000 AS bigint) AS number,
    pg_xact_commit_timestamp(t.xmin) AS committed_at, CAST(CAST(t.xmin AS text) AS bigint) AS commit
"""

_CLAIM_CHANGES: Final = text(f"""
SELECT kind, CAST(message_id AS text) AS message, {_COMMIT.format(instant="t.changed_at")}
  FROM noted_claim_changes t WHERE tenant_id = :tenant_id
 ORDER BY committed_at, commit, nth
""")

_ENTRIES: Final = text(f"""
SELECT kind, CAST(message_id AS text) AS message, attempt_no AS attempt, channel,
       CAST(day AS text) AS day, amount_micros / {UNIT} AS amount,
       CAST(campaign_id AS text) AS campaign, {_COMMIT.format(instant="t.created_at")}
  FROM budget_entries t WHERE tenant_id = :tenant_id
""")

_LIMITS: Final = text(f"""
SELECT CAST(campaign_id AS text) AS campaign, {_COMMIT.format(instant="t.occurred_at")}
  FROM campaign_events t WHERE tenant_id = :tenant_id AND kind = '{LIMITS_SAVED}'
""")


async def prepare_notes(database: Database) -> None:
    """Have each change of a claim noted from now on."""
    async with database.transaction() as connection:
        for statement in _NOTES:
            await connection.execute(text(statement))


async def read_claim_changes(database: Database, tenant_id: UUID) -> list[ClaimChange]:
    """The changes of a tenant's claims, in the order of their commits."""
    return [
        ClaimChange(row["kind"], row["message"], row["number"])
        for row in await _read(database, tenant_id, _CLAIM_CHANGES)
    ]


async def read_commits(database: Database, tenant_id: UUID) -> dict[str, list[Commit]]:
    """The commits of each campaign of a tenant, in their order."""
    bookings: defaultdict[tuple[Any, ...], list[Booking]] = defaultdict(list)
    numbers: defaultdict[tuple[Any, ...], set[int]] = defaultdict(set)
    for row in await _read(database, tenant_id, _ENTRIES):
        names = ("number", "kind", "message", "attempt", "channel", "day", "amount")
        bookings[_place(row)].append(Booking(*(row[name] for name in names)))
        numbers[_place(row)].add(row["number"])
    for row in await _read(database, tenant_id, _LIMITS):
        numbers[_place(row)].add(row["number"])
    commits: defaultdict[str, list[Commit]] = defaultdict(list)
    for place in sorted(numbers):
        commits[place[2]].append(Commit(frozenset(numbers[place]), tuple(bookings[place])))
    return commits


def _place(row: RowMapping) -> tuple[Any, ...]:
    return (row["committed_at"], row["commit"], row["campaign"])


async def _read(database: Database, tenant_id: UUID, statement: Any) -> Sequence[RowMapping]:
    async with database.statement() as connection:
        parameters = {"tenant_id": tenant_id, "base": BASE}
        return (await connection.execute(statement, parameters)).mappings().all()
