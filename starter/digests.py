"""Fingerprints of requests."""

import hashlib
import json
from typing import Final
from uuid import UUID

from madan_sara.contracts.recipient import RecipientProfile

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False)


def request_digest(
    campaign_id: UUID,
    recipient_id: str,
    profile: RecipientProfile,
    content_digest: str,
    *,
    force_send: bool,
) -> str:
    """A stable fingerprint of a request: one key must not stand for two of them."""
    document = [
        str(campaign_id),
        recipient_id,
        profile.model_dump(mode="json"),
        content_digest,
        force_send,
    ]
    return hashlib.sha256(_CANONICAL.encode(document).encode()).hexdigest()
