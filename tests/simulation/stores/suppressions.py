"""Suppressions by hand, as `persistence/suppressions.py` keeps them."""

from datetime import datetime

from madan_sara.contracts.channels import Channel
from tests.simulation.tables import SuppressionRow, Tables


def suppress_person(
    tables: Tables, recipient_id: str, channel: Channel | None, reason: str, now: datetime
) -> None:
    """Never contact a person again, on a channel or (None) on any, nor the person's addresses."""
    addresses = {
        address
        for message in tables.messages.values()
        if message.recipient_id == recipient_id
        for known, address in message.addresses.items()
        if channel in (None, known)
    }
    subjects = {("recipient", recipient_id)} | {("address", address) for address in addresses}
    for kind, subject in sorted(subjects):
        tables.suppress(SuppressionRow(kind, subject, channel, reason, now, recipient_id))
