"""The money held, spent and given back for one message, in PostgreSQL."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.records import Booking, BookingState
from madan_sara.persistence.database import Database

_BOOKINGS = text("""
SELECT hold.attempt_no, hold.channel, CAST(hold.day AS text) AS day, hold.amount_micros,
       CASE ended.kind WHEN 'settle' THEN 'spent' WHEN 'release' THEN 'given back'
                       ELSE 'held' END AS state
  FROM budget_entries hold
  LEFT JOIN budget_entries ended
    ON (ended.tenant_id, ended.message_id, ended.attempt_no)
     = (hold.tenant_id, hold.message_id, hold.attempt_no)
   AND ended.kind IN ('settle', 'release')
 WHERE hold.tenant_id = :tenant_id AND hold.message_id = :message_id AND hold.kind = 'hold'
 ORDER BY hold.attempt_no
""")


class MessageBookings:
    """Reads the ledger of single messages."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def of_message(self, message_id: UUID) -> Sequence[Booking]:
        """The bookings of a message, in the order they were made."""
        key = {"tenant_id": self._tenant_id, "message_id": message_id}
        async with self._database.statement() as connection:
            rows = (await connection.execute(_BOOKINGS, key)).mappings().all()
        return [
            Booking(
                attempt_no=row["attempt_no"],
                channel=Channel(row["channel"]),
                day=row["day"],
                amount_micros=row["amount_micros"],
                state=BookingState(row["state"]),
            )
            for row in rows
        ]
