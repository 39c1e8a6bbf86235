"""Instants as answers write them."""

from datetime import UTC, datetime


def in_utc(moment: datetime) -> str:
    """An instant as ISO 8601 in UTC with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
