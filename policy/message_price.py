"""The price of a campaign's next messages, and the money for them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.money import to_micros
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.sms import sms_length
from madan_sara.policy.template_language import certain_text
from madan_sara.policy.templates import fixed_text

#: Days after which the price of a message counts half: recipients of one kind are often
#: together in the queue, and the mix of channels drifts with them.
HALF_LIFE_DAYS: Final = 2.0
#: The price list counts like so many messages sent on the day before the first.
LISTED_MESSAGES: Final = 20


def message_parts(channel: Channel, text: str | None) -> int:
    """The number of times the price of a channel is paid for one message.

    Args:
        channel: the channel it is sent on.
        text: its text there; None: not known.

    Returns:
        The segments of a text message, else 1.
    """
    return sms_length(text).segments if channel is Channel.SMS and text else 1


def price_of_message(settings: OrchestratorSettings, channel: Channel, *, parts: int = 1) -> int:
    """Price of one message in micro-units.

    Args:
        settings: with the price list.
        channel: the channel it is sent on.
        parts: see `message_parts`.
    """
    return parts * to_micros(settings.price_of(channel))


def listed_price(campaign: Campaign, channel: Channel) -> int:
    """Price in micro-units of a campaign's message before its template is filled in."""
    return _price_of_template(campaign, channel, fixed_text)


def least_price(campaign: Campaign, channel: Channel, *, batch_parts: int | None = None) -> int:
    """The least in micro-units that a campaign's message can cost with any values filled in.

    Args:
        campaign: with its own texts, if it has any.
        channel: the channel it is sent on.
        batch_parts: the fewest segments of a text message that brings its own text; see
            `least_parts`. None: there are none.
    """
    own = _price_of_template(campaign, channel, certain_text)
    if batch_parts is None or channel is not Channel.SMS:
        return own
    return min(own, price_of_message(campaign.settings, channel, parts=batch_parts))


def least_parts(content: MessageContent) -> int:
    """The fewest segments a text message can have with any values filled in."""
    template = content.template_for(Channel.SMS)
    text = certain_text(template) if isinstance(template, str) else None
    return message_parts(Channel.SMS, text)


def _price_of_template(campaign: Campaign, channel: Channel, text_of: Callable[[str], str]) -> int:
    template = campaign.templates and campaign.templates.template_for(channel)
    text = text_of(template) if isinstance(template, str) else None
    settings = campaign.settings
    return price_of_message(settings, channel, parts=message_parts(channel, text))


@dataclass(frozen=True)
class RecentCosts:
    """The price of recent messages, the later ones counting more."""

    micros: float
    messages: float
    #: Messages the price list stands for beside them.
    listed: float
    #: Messages in all, each counted fully.
    count: int

    @property
    def are_free(self) -> bool:
        """Whether enough was sent to say that messages are free, against the price list."""
        return self.count >= LISTED_MESSAGES and not self.micros

    def price_micros(self, listed_micros: int) -> float:
        """Expected price of a message; the fewer were sent, the more the price list counts."""
        micros = self.micros + self.listed * listed_micros
        return micros / (self.messages + self.listed)


def recent_costs(days: Mapping[date, Account], today: date, dearest_micros: int) -> RecentCosts:
    """The money held or spent on messages up to today.

    Blocked and refused messages hold nothing and count nowhere, so this is the real price
    of a message that uses up some of the day's share.

    Args:
        days: the accounts of the campaign's days.
        today: its present day.
        dearest_micros: the highest price listed. A day counts for no more than that a
            message: anything above was not spent on messages (`record_spend`).
    """
    used = {day: account for day, account in days.items() if day <= today and account.message_count}
    # From the last day with messages, not from today: in a pause nothing is forgotten.
    first, latest = min(used, default=today), max(used, default=today)
    micros = messages = 0.0
    for day, account in used.items():
        weight = _weight(latest - day)
        booked = account.held_micros + account.spent_micros
        micros += weight * min(booked, account.message_count * dearest_micros)
        messages += weight * account.message_count
    return RecentCosts(
        micros=micros,
        messages=messages,
        listed=LISTED_MESSAGES * _weight(latest - first + timedelta(days=1)),
        count=sum(account.message_count for account in used.values()),
    )


def _weight(age: timedelta) -> float:
    return float(0.5 ** (age.days / HALF_LIFE_DAYS))


def paid_prices(campaign: Campaign) -> list[int]:
    """Listed prices in micro-units of those of its channels that are not free, ascending."""
    return sorted(price for price in map(_listed(campaign), campaign.channels) if price)


def money_left(campaign: Campaign, accounts: Sequence[Account]) -> int | None:
    """The money the campaign can still hold, in micro-units, not negative.

    The rest of its budget, or of its channels' budgets if their sum is less and every
    channel that is not free has one.

    Returns:
        None when its budget is not limited.
    """
    whole = next(a for a in accounts if a.scope is AccountScope.CAMPAIGN)
    by_channel = {a.key: a.remaining_micros for a in accounts if a.scope is AccountScope.CHANNEL}
    priced = filter(_listed(campaign), campaign.channels)
    rests = [whole.remaining_micros, _total(by_channel.get(channel.value) for channel in priced)]
    return min((max(rest, 0) for rest in rests if rest is not None), default=None)


def _listed(campaign: Campaign) -> Callable[[Channel], int]:
    return partial(listed_price, campaign)


def _total(rests: Iterable[int | None]) -> int | None:
    """The sum of the money left; None: some account is unlimited, or there is none."""
    known = list(rests)
    limited = [max(rest, 0) for rest in known if rest is not None]
    return sum(limited) if known and len(limited) == len(known) else None
