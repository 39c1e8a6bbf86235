"""Conversions, in PostgreSQL."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from madan_sara.contracts.conversion import Conversion
from madan_sara.contracts.money import to_micros
from madan_sara.contracts.outreach import OutreachState
from madan_sara.persistence.database import Database, Query


@dataclass(frozen=True)
class ConversionRecord:
    """The result of a report."""

    #: The message's state; None: there is no such message.
    state: OutreachState | None
    #: The value stored under the conversion's id; None: there is none.
    value_micros: int | None


# Counted where it is stored, so once. The message is locked: its state after any transaction
# that took it up again decides.
_RECORD = Query("""
WITH message AS (
    SELECT message_id, tenant_id, campaign_id, channel, state FROM messages
     WHERE tenant_id = :tenant_id AND message_id = :message_id
       FOR NO KEY UPDATE
), recorded AS (
    INSERT INTO conversions (tenant_id, message_id, conversion_id, value_micros, occurred_at,
                             recorded_at)
    SELECT tenant_id, message_id, CAST(:conversion_id AS text), CAST(:value_micros AS bigint),
           CAST(:occurred_at AS timestamptz), CAST(:now AS timestamptz)
      FROM message WHERE state IN ('sent', 'unknown')
        ON CONFLICT DO NOTHING
    RETURNING tenant_id, message_id, value_micros
), tallied AS (
    INSERT INTO campaign_tally_changes (tenant_id, campaign_id, kind, name, channel, messages,
                                        amount_micros)
    SELECT m.tenant_id, m.campaign_id, 'conversion', 'conversion', m.channel, 1, r.value_micros
      FROM recorded r JOIN message m USING (tenant_id, message_id)
)
SELECT state, (SELECT value_micros FROM recorded) AS value_micros FROM message
""")

_KNOWN = Query("""
SELECT value_micros FROM conversions
 WHERE tenant_id = :tenant_id AND message_id = :message_id AND conversion_id = :conversion_id
""")


class PostgresConversions:
    """Keeps what messages brought in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self, tenant_id: UUID, message_id: UUID, conversion: Conversion, now: datetime
    ) -> ConversionRecord:
        """Store and count a conversion of a message that was sent, once per id.

        Returns:
            The message's state, and the value that is stored: another one than the
            conversion's where its id was used before.
        """
        parameters = {
            "tenant_id": tenant_id,
            "message_id": message_id,
            "conversion_id": conversion.conversion_id,
            "value_micros": to_micros(conversion.value),
            "occurred_at": conversion.occurred_at,
            "now": now,
        }
        row = await self._database.fetch_one(_RECORD, parameters)
        if row is None:
            return ConversionRecord(state=None, value_micros=None)
        value: int | None = row["value_micros"]
        if value is None:
            known = await self._database.fetch_one(_KNOWN, parameters)
            value = known["value_micros"] if known else None
        return ConversionRecord(state=OutreachState(row["state"]), value_micros=value)
