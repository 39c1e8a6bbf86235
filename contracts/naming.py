"""Identifiers: workflow ids, task queues, search attributes, idempotency keys.

The single source of truth: an id built anywhere else would one day differ.
"""

from typing import Final
from uuid import UUID

from madan_sara.contracts.channels import Channel

#: Outreaches and their local activities.
OUTREACH_QUEUE: Final = "outreach"
#: Campaigns and their activities: a dispatch that takes minutes must not wait behind sends.
CAMPAIGN_QUEUE: Final = "campaigns"

#: Typed search attributes, registered as keywords on the namespace.
TENANT_ATTRIBUTE: Final = "MadanSaraTenant"
CAMPAIGN_ATTRIBUTE: Final = "MadanSaraCampaign"
#: Of an outreach: `under_way` while its workflow runs, then its end; and the end's reason.
STATE_ATTRIBUTE: Final = "MadanSaraState"
REASON_ATTRIBUTE: Final = "MadanSaraReason"
SEARCH_ATTRIBUTES: Final = (
    TENANT_ATTRIBUTE,
    CAMPAIGN_ATTRIBUTE,
    STATE_ATTRIBUTE,
    REASON_ATTRIBUTE,
)
#: The state of a message that has no end yet.
UNDER_WAY_STATE: Final = "under_way"


def outreach_workflow_id(tenant_id: UUID, message_id: UUID) -> str:
    """The workflow that carries a tenant's message; one for its whole life."""
    return f"outreach-{tenant_id}-{message_id}"


def campaign_workflow_id(tenant_id: UUID, campaign_id: UUID) -> str:
    """The workflow that runs a tenant's campaign; one for its whole life.

    Two tenants may have campaigns of one id, say that of an example.
    """
    return f"campaign-{tenant_id}-{campaign_id}"


def delivery_queue(channel: Channel) -> str:
    """The task queue of a channel's provider calls.

    Apart from the workflow queue, so that a slow channel holds up no other one.
    """
    return f"delivery-{channel.value}"


def idempotency_key(message_id: UUID, attempt_no: int) -> str:
    """The idempotency key of one attempt of a message at its provider.

    From the message and our own attempt number only: Temporal's attempt count
    and run id change on a retry, and a date would change at midnight.
    """
    return f"{message_id}:{attempt_no}"


def batch_key(campaign_id: UUID, content_digest: str, recipient_id: str) -> str:
    """The idempotency key of a recipient of a long batch: one message for each content.

    The same list sent again adds no recipient; a list with another text is another message.
    """
    return f"campaign-{campaign_id}:{content_digest}:{recipient_id}"


def import_key(campaign_id: UUID, recipient_id: str) -> str:
    """The idempotency key of a recipient imported into a campaign: each is in it once.

    From these two only: a person's other columns may change between two imports, and the
    second must add no recipient.
    """
    return f"campaign-{campaign_id}:{recipient_id}"
