"""A campaign's returns."""

from decimal import Decimal
from uuid import UUID

from madan_sara.contracts.base import Contract
from madan_sara.contracts.channels import Channel


class Returns(Contract):
    """Money spent and its returns, on one channel or on all.

    Each cost is `spent` divided by a count, six decimals; None of nothing. Every count
    is of distinct messages, except that of conversions.
    """

    #: Everything spent, for messages that bounced and outside any message included.
    spent: Decimal
    #: Sent, or perhaps sent.
    messages: int
    #: With a receipt that says so; many providers give none.
    delivered: int
    #: Opened, clicked or replied to: each message once.
    engaged: int
    conversions: int
    conversion_value: Decimal
    cost_per_message: Decimal | None
    cost_per_delivered: Decimal | None
    cost_per_engagement: Decimal | None
    #: (conversion_value - spent) / spent, four decimals; None where nothing was spent.
    roi: Decimal | None


class BudgetAnalytics(Contract):
    """A campaign's returns, by channel and in total."""

    campaign_id: UUID
    total: Returns
    by_channel: dict[Channel, Returns]
