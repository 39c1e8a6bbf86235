"""What a message that ended unsent must not leave behind."""

from uuid import UUID

from sqlalchemy import text

from persistence.database import Database

_OPEN_HOLDS = text("""
SELECT count(*) FROM budget_entries hold JOIN messages m USING (message_id)
 WHERE m.tenant_id = :tenant_id AND hold.kind = 'hold'
   AND m.state IN ('blocked', 'failed', 'cancelled', 'sent', 'unknown')
   AND NOT EXISTS (SELECT FROM budget_entries done
                    WHERE (done.message_id, done.attempt_no) = (hold.message_id, hold.attempt_no)
                      AND done.kind IN ('settle', 'release'))
""")

_LIVE_CLAIMS = text("""
SELECT count(*) FROM recipient_claims r JOIN messages m USING (message_id)
 WHERE m.tenant_id = :tenant_id AND r.released_at IS NULL
   AND m.state IN ('blocked', 'failed', 'cancelled')
""")

_ACCOUNT = text("""
SELECT held_micros, spent_micros, message_count FROM budget_accounts
 WHERE tenant_id = :tenant_id AND scope = 'campaign'
""")


async def leftovers(database: Database, tenant_id: UUID) -> dict[str, int]:
    """Open holds of ended messages, and live claims of those that ended unsent."""
    async with database.statement() as connection:
        holds = (await connection.execute(_OPEN_HOLDS, {"tenant_id": tenant_id})).scalar_one()
        claims = (await connection.execute(_LIVE_CLAIMS, {"tenant_id": tenant_id})).scalar_one()
    return {"holds": holds, "claims": claims}


async def money(database: Database, tenant_id: UUID) -> tuple[int, int, int]:
    """Held, spent (micro-units) and message count of the tenant's only campaign."""
    async with database.statement() as connection:
        row = (await connection.execute(_ACCOUNT, {"tenant_id": tenant_id})).one()
        return (row[0], row[1], row[2])


NOTHING = {"holds": 0, "claims": 0}
