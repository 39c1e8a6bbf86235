"""The stored form of a campaign's recipient."""

import json
from typing import NamedTuple

from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.policy.addresses import addresses_of


class NewRecipient(NamedTuple):
    """A checked recipient to add to a campaign; a tuple, because COPY takes tuples."""

    recipient_id: str
    request_digest: str
    #: The profile as JSON, without missing fields.
    profile: str
    #: By channel, in the form addresses are compared in, as JSON.
    addresses: str


def new_recipient(
    recipient_id: str, request_digest: str, profile: RecipientProfile
) -> NewRecipient:
    """A recipient as the columns take it."""
    return NewRecipient(
        recipient_id,
        request_digest,
        profile.model_dump_json(exclude_none=True),
        json.dumps(addresses_of(profile.contact_info)),
    )
