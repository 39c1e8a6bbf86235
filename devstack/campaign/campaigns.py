"""The campaign, and the two that wrote to some of its audience just before."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from math import ceil
from typing import Any, Final

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.devstack.campaign.audience import Person
from madan_sara.devstack.campaign.scenarios import Earlier

#: Every channel has its price: one that cost nothing could go on without a budget.
PRICES: Final[Mapping[Channel, Decimal]] = {
    Channel.EMAIL: Decimal("0.001"),
    Channel.SMS: Decimal("0.0075"),
    Channel.WHATSAPP: Decimal("0.005"),
    Channel.INSTAGRAM: Decimal("0.002"),
    Channel.CHAT: Decimal("0.0005"),
}

#: Messages a person may have in 24 hours.
MOST_A_DAY: Final = 2

#: Shares of the price of writing to all people: the text messages run out of money
#: first, WhatsApp never does, and the whole runs out before the end.
_SMS_SHARE: Final = Decimal("0.70")
_WHATSAPP_SHARE: Final = Decimal("1.10")
_WHOLE_SHARE: Final = Decimal("0.92")

_SETTINGS: Final[Mapping[str, object]] = {
    # It is to run now, at any hour.
    "quiet_hours": None,
    "max_messages_per_day": MOST_A_DAY,
    "prices": PRICES,
}
_COMMON: Final[Mapping[str, object]] = {
    "channels": list(PRICES),
    "send_time_optimization": False,
    "timezone": "America/Port-au-Prince",
    "recipient_fields": ["town"],
    "settings": _SETTINGS,
}

_MARKET_TEXT: Final = (
    "{{ name }}, on Saturday we open a stall in {{ town }}: mangoes, plantains and pikliz, and "
    "bread from the night before. Come before nine, it goes fast."
)
_TEXTS: Final[Mapping[Earlier, str]] = {
    Earlier.INVITATION: "A year of Ti Solèy, dear {{ name }}! Raise a glass with us at the bakery.",
    Earlier.PREVIEW: _MARKET_TEXT.replace("Saturday", "Sunday").replace("nine", "ten"),
}


def earlier_campaign(which: Earlier) -> OutreachCampaign:
    """A small campaign without limits of its own."""
    return _campaign(name=which.value.capitalize(), templates=_templates(_TEXTS[which]))


def main_campaign(
    people: Iterable[Person], *, longest_outage_seconds: float = 0
) -> OutreachCampaign:
    """The campaign, with budgets that end before the audience does.

    Args:
        people: Its audience, whose price decides its budget.
        longest_outage_seconds: What its patience with the channel that never answers about
            some is longer than; without an outage it ends while the run is still watched.
    """
    patience_minutes = max(1, ceil(3 * longest_outage_seconds / 60))
    cost = _cost(people)
    sms, whatsapp = cost[Channel.SMS] * _SMS_SHARE, cost[Channel.WHATSAPP] * _WHATSAPP_SHARE
    unpaid_sms = cost[Channel.SMS] - sms
    return _campaign(
        name="Market day",
        templates=_templates(_MARKET_TEXT),
        budget_total=_rounded((sum(cost.values()) - unpaid_sms) * _WHOLE_SHARE),
        budget_per_channel={
            Channel.SMS: {"total": _rounded(sms)},
            Channel.WHATSAPP: {"total": _rounded(whatsapp)},
        },
        # High: it is there and counted, and stops no recipient.
        daily_limit=1_000_000,
        settings={**_SETTINGS, "patience_minutes": {Channel.INSTAGRAM: patience_minutes}},
    )


def _cost(people: Iterable[Person]) -> Mapping[Channel, Decimal]:
    """The price of writing to all people that can be reached, by channel."""
    messages = Counter(person.carried_by for person in people if person.carried_by)
    return {channel: messages[channel] * price for channel, price in PRICES.items()}


def _campaign(**fields: Any) -> OutreachCampaign:  # noqa: ANN401 - the model checks them
    return OutreachCampaign.model_validate({**_COMMON, **fields})


def _templates(text: str) -> dict[str, object]:
    return {"email": {"subject": "Ti Solèy, for {{ name }}", "text": text}, "default": text}


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.0001"))
