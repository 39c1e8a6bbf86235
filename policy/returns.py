"""A campaign's returns."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryEventKind
from madan_sara.contracts.money import from_micros
from madan_sara.contracts.outreach import OutreachState
from madan_sara.contracts.returns import BudgetAnalytics, Returns
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.tallies import ENGAGED, Tallies, TallyKind

_MICRO: Final = Decimal("0.000001")
_BASIS_POINT: Final = Decimal("0.0001")


@dataclass(frozen=True)
class CampaignBalances:
    """A campaign's money and counts at one instant."""

    #: The accounts of the campaign and of its channels.
    accounts: Sequence[Account]
    tallies: Tallies


def analyse(campaign: Campaign, balances: CampaignBalances) -> BudgetAnalytics:
    """A campaign's returns.

    The total exceeds the channels' sum where some figures belong to no channel.

    Args:
        campaign: a saved campaign.
        balances: its money and counts.
    """
    spent = {(a.scope, a.key): a.spent_micros for a in balances.accounts}
    on_channels = {key for scope, key in spent if scope is AccountScope.CHANNEL}
    used = [Channel(c) for c in sorted(on_channels | balances.tallies.channels())]
    return BudgetAnalytics(
        campaign_id=campaign.id,
        total=_returns(spent[AccountScope.CAMPAIGN, ""], balances.tallies, None),
        by_channel={
            channel: _returns(
                spent.get((AccountScope.CHANNEL, channel.value), 0), balances.tallies, channel.value
            )
            for channel in dict.fromkeys([*campaign.channels, *used])
        },
    )


def _returns(spent_micros: int, tallies: Tallies, channel: str | None) -> Returns:
    messages = tallies.messages(
        TallyKind.STATE, OutreachState.SENT, OutreachState.UNKNOWN, channel=channel
    )
    delivered = tallies.messages(TallyKind.RECEIPT, DeliveryEventKind.DELIVERED, channel=channel)
    engaged = tallies.messages(TallyKind.RECEIPT, ENGAGED, channel=channel)
    value_micros = tallies.amount_micros(TallyKind.CONVERSION, channel=channel)
    return Returns(
        spent=from_micros(spent_micros),
        messages=messages,
        delivered=delivered,
        engaged=engaged,
        conversions=tallies.messages(TallyKind.CONVERSION, channel=channel),
        conversion_value=from_micros(value_micros),
        cost_per_message=_cost(spent_micros, messages),
        cost_per_delivered=_cost(spent_micros, delivered),
        cost_per_engagement=_cost(spent_micros, engaged),
        roi=_roi(spent_micros, value_micros),
    )


def _cost(spent_micros: int, count: int) -> Decimal | None:
    if not count:
        return None
    return (from_micros(spent_micros) / count).quantize(_MICRO, rounding=ROUND_HALF_EVEN)


def _roi(spent_micros: int, value_micros: int) -> Decimal | None:
    if not spent_micros:
        return None
    gain = Decimal(value_micros - spent_micros) / spent_micros
    return gain.quantize(_BASIS_POINT, rounding=ROUND_HALF_EVEN)
