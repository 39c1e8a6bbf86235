"""Rows held by another transaction, so that a step of the worker waits at them."""

from contextlib import AsyncExitStack
from uuid import UUID

from sqlalchemy import text

from madan_sara.persistence.database import Database
from tests.waiting import eventually

#: A row under the key of the one the worker is about to insert, and never committed.
BEFORE_THE_CLAIM = """
INSERT INTO recipient_claims (message_id, tenant_id, campaign_id, recipient_id, covers, claimed_at,
                              forced, texts)
SELECT message_id, tenant_id, campaign_id, recipient_id, tstzrange(now(), NULL), now(), false, '{}'
  FROM messages WHERE message_id = :message_id
"""
BEFORE_THE_CALL = """
INSERT INTO attempts (message_id, attempt_no, tenant_id, channel, provider, idempotency_key, state,
                      tries, called_at)
SELECT message_id, 1, tenant_id, 'chat', 'nobody', message_id::text, 'sending', 1, now()
  FROM messages WHERE message_id = :message_id
"""
#: A lock on the row the worker is about to update.
ON_THE_BUDGET = """
SELECT FROM budget_accounts JOIN messages USING (tenant_id, campaign_id)
 WHERE message_id = :message_id AND scope = 'campaign' FOR UPDATE OF budget_accounts
"""
ON_THE_ATTEMPT = "SELECT FROM attempts WHERE message_id = :message_id FOR UPDATE"

_PID = text("SELECT pg_backend_pid()")
_WAITING = text("SELECT pid FROM pg_stat_activity WHERE :holder = ANY (pg_blocking_pids(pid))")
_TERMINATE = text("SELECT pg_terminate_backend(:pid, 10000)")


class Obstacle:
    """Something the worker's statements wait for, until it is cleared away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open = AsyncExitStack()
        self._holder = 0

    async def put(self, statement: str, message_id: UUID) -> None:
        """Run a statement and keep its transaction open."""
        connection = await self._open.enter_async_context(self._database.transaction())
        self._open.push_async_callback(connection.rollback)
        self._holder = (await connection.execute(_PID)).scalar_one()
        await connection.execute(text(statement), {"message_id": message_id})

    async def until_met(self) -> None:
        """Return when a statement of the worker waits here."""
        await eventually(self._waiting, "a statement waits at the obstacle")

    async def clear(self, *, with_the_waiting: bool) -> None:
        """Make way.

        Args:
            with_the_waiting: first end the sessions that wait, as PostgreSQL does with
                a dead client's sooner or later; otherwise their statements run to
                their end, though no client is left to hear it.
        """
        if with_the_waiting:
            async with self._database.statement() as connection:
                for pid in await self._waiting():
                    await connection.execute(_TERMINATE, {"pid": pid})
        await self._open.aclose()

    async def _waiting(self) -> list[int]:
        async with self._database.statement() as connection:
            found = await connection.execute(_WAITING, {"holder": self._holder})
            return list(found.scalars())
