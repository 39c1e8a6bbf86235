"""The recording of conversions."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

from madan_sara.contracts.conversion import Conversion
from madan_sara.contracts.errors import ConflictError, KeyUsedError, NotFoundError
from madan_sara.contracts.money import from_micros
from madan_sara.contracts.reading import read
from madan_sara.persistence.conversions import PostgresConversions
from madan_sara.persistence.database import Database
from madan_sara.starter.requests import parse


class Conversions:
    """One tenant's conversions.

    Args:
        database: where they are kept.
        tenant_id: their owner.
    """

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._store = PostgresConversions(database)
        self._tenant_id = tenant_id

    async def record(
        self,
        message_id: UUID,
        value: Decimal | float | str,
        *,
        conversion_id: str | None,
        at: datetime | None,
    ) -> str:
        """Keep a conversion; see `OutreachOrchestrator.record_conversion`."""
        now = datetime.now(UTC)
        given = {
            "conversion_id": str(uuid4()) if conversion_id is None else conversion_id,
            "value": value,
            "occurred_at": now if at is None else at,
        }
        conversion = parse(Conversion, given, "")
        named = read(UUID, message_id, "message_id")
        stored = await self._store.record(self._tenant_id, named, conversion, now)
        if stored.state is None:
            raise NotFoundError.message(message_id)
        if stored.value_micros is None:
            raise ConflictError(
                f"message {message_id} is {stored.state}; only a message that was sent, or may "
                "have been, can bring a conversion"
            )
        if (kept := from_micros(stored.value_micros)) != conversion.value:
            raise KeyUsedError(
                f"conversion_id: stands for a conversion of {kept:f} already, not "
                f"{conversion.value:f}; use another id"
            )
        return conversion.conversion_id
