"""Suppressions: recipients and addresses not to contact again, in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from madan_sara.contracts.channels import Channel
from madan_sara.persistence.database import Database, Query

#: Names the requests that are made by hand: the same one made twice is one.
_BY_HAND: Final = UUID("2c6c0f50-6b0e-4a58-9a0e-7f6f3b7a8a11")


@dataclass(frozen=True)
class Subject:
    """A recipient, or an address in every form it may be compared in."""

    recipient_id: str | None = None
    #: See `policy.addresses.forms_of`.
    forms: frozenset[str] = frozenset()

    @property
    def kind(self) -> str:
        """Its kind in suppressions."""
        return "address" if self.recipient_id is None else "recipient"

    @property
    def names(self) -> list[str]:
        """Its subjects in suppressions."""
        return sorted(self.forms) if self.recipient_id is None else [self.recipient_id]


@dataclass(frozen=True)
class StoredSuppression:
    """One recipient or address not to be contacted."""

    #: None: an address is meant.
    recipient_id: str | None
    #: In the form addresses are compared in; None: a recipient is meant.
    address: str | None
    #: None: on any.
    channel: Channel | None
    reason: str
    created_at: datetime


# A recipient's request holds for the addresses the recipient is known by, under whatever id they
# are found again.
_SUPPRESS = Query("""
WITH meant (subject_kind, subject) AS (
    SELECT CAST(:kind AS text), unnest(CAST(:names AS text[]))
     UNION
    SELECT 'address', a.value
      FROM messages m CROSS JOIN LATERAL jsonb_each_text(m.addresses) a
     WHERE :kind = 'recipient' AND m.tenant_id = :tenant_id
       AND m.recipient_id = ANY(CAST(:names AS text[]))
       AND a.key = coalesce(CAST(:channel AS text), a.key)
)
INSERT INTO suppressions (tenant_id, subject_kind, subject, channel, reason, created_at, request_id)
SELECT CAST(:tenant_id AS uuid), subject_kind, subject, CAST(:channel AS text),
       CAST(:reason AS text), CAST(:now AS timestamptz), CAST(:request_id AS uuid)
  FROM meant
 ORDER BY subject_kind, subject
    ON CONFLICT DO NOTHING
""")

# Every suppression of each request that names the recipient or address.
_LIFT = Query("""
WITH request AS (
    SELECT DISTINCT request_id, channel FROM suppressions
     WHERE tenant_id = :tenant_id AND subject_kind = :kind
       AND subject = ANY(CAST(:names AS text[]))
       AND (CAST(:channel AS text) IS NULL OR channel = CAST(:channel AS text))
)
DELETE FROM suppressions s
 USING request
 WHERE s.tenant_id = :tenant_id AND s.request_id = request.request_id
   AND s.channel IS NOT DISTINCT FROM request.channel
RETURNING s.subject_kind, s.subject, s.channel, s.reason, s.created_at
""")


class PostgresSuppressions:
    """Keeps and lifts suppressions.

    Args:
        database: where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def suppress(
        self,
        tenant_id: UUID,
        subject: Subject,
        *,
        channel: Channel | None,
        reason: str,
        now: datetime,
    ) -> None:
        """Never contact a recipient or an address again, on a channel or (None) on any.

        A recipient's addresses, as far as messages to the recipient name any, are suppressed
        with it, whatever other ids they have.
        """
        named = "\n".join([str(tenant_id), subject.kind, *subject.names])
        parameters = {
            **_key(tenant_id, subject, channel),
            "reason": reason,
            "now": now,
            "request_id": uuid5(_BY_HAND, named),
        }
        await self._database.fetch(_SUPPRESS, parameters)

    async def lift(
        self, tenant_id: UUID, subject: Subject, *, channel: Channel | None
    ) -> Sequence[StoredSuppression]:
        """Allow contact again: on a channel, or (None) on every channel it was suppressed on.

        All suppressions of the same request are lifted with it, such as the address of a recipient
        who had unsubscribed. Another request for the same address stays.

        Returns:
            The suppressions lifted, if any.
        """
        rows = await self._database.fetch(_LIFT, _key(tenant_id, subject, channel))
        return [
            StoredSuppression(
                recipient_id=row["subject"] if row["subject_kind"] == "recipient" else None,
                address=row["subject"] if row["subject_kind"] == "address" else None,
                channel=row["channel"] and Channel(row["channel"]),
                reason=row["reason"],
                created_at=row["created_at"],
            )
            for row in rows
        ]


def _key(tenant_id: UUID, subject: Subject, channel: Channel | None) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "kind": subject.kind,
        "names": subject.names,
        "channel": channel and channel.value,
    }
