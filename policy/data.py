"""The figures the decisions rest on, as data.

Source: the project's starting figures, unless an entry says otherwise. To change
one, change it here, cite the better source, and raise `POLICY_VERSION`.
"""

from collections.abc import Mapping
from datetime import time
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from madan_sara.contracts.campaign import OptimalTimes, Urgency
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.recipient import ChannelEngagement, CustomerType, Device

#: Kept with every decision, so that it can be shown and replayed as it was made.
POLICY_VERSION: Final = "2026-11.1"

#: A factor's score without data.
UNKNOWN_SCORE: Final = 0.5


class DayPart(StrEnum):
    """Part of the recipient's local day a message would arrive in."""

    WORKING_HOURS = "working_hours"  #: 09:00 to 17:59.
    EVENING = "evening"  #: 18:00 to 22:59.
    NIGHT = "night"  #: 23:00 to 08:59.

    @classmethod
    def of_hour(cls, local_hour: int) -> "DayPart":
        """The part a local hour (0 to 23) belongs to."""
        if 9 <= local_hour <= 17:
            return cls.WORKING_HOURS
        return cls.EVENING if 18 <= local_hour <= 22 else cls.NIGHT


#: Weights of the channel selector's factors; they sum to 1.
FACTOR_WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "customer_type": 0.3,
        "engagement": 0.3,
        "device": 0.2,
        "urgency": 0.1,
        "time_of_day": 0.1,
    }
)


def _by_type(new: float, returning: float, existing: float) -> Mapping[CustomerType, float]:
    return MappingProxyType(
        {
            CustomerType.NEW: new,
            CustomerType.RETURNING: returning,
            CustomerType.EXISTING: existing,
        }
    )


def _by_device(mobile: float, desktop: float) -> Mapping[Device, float]:
    return MappingProxyType({Device.MOBILE: mobile, Device.DESKTOP: desktop})


def _by_urgency(high: float, normal: float, low: float) -> Mapping[Urgency, float]:
    return MappingProxyType({Urgency.HIGH: high, Urgency.NORMAL: normal, Urgency.LOW: low})


def _by_day_part(working_hours: float, evening: float, night: float) -> Mapping[DayPart, float]:
    return MappingProxyType(
        {DayPart.WORKING_HOURS: working_hours, DayPart.EVENING: evening, DayPart.NIGHT: night}
    )


#: How well a channel suits a customer type, 0 to 1.
CUSTOMER_TYPE_SCORES: Final[Mapping[Channel, Mapping[CustomerType, float]]] = MappingProxyType(
    {
        Channel.EMAIL: _by_type(0.9, 0.8, 0.7),
        Channel.SMS: _by_type(0.4, 0.6, 0.9),
        Channel.WHATSAPP: _by_type(0.4, 0.6, 0.9),
        Channel.INSTAGRAM: _by_type(0.7, 0.9, 0.8),
        Channel.FACEBOOK: _by_type(0.7, 0.8, 0.7),
        Channel.LINKEDIN: _by_type(0.6, 0.7, 0.8),
        Channel.TWITTER: _by_type(0.5, 0.7, 0.6),
        Channel.CHAT: _by_type(0.8, 0.7, 0.9),
    }
)

#: How well a channel reads on the preferred device, 0 to 1.
DEVICE_SCORES: Final[Mapping[Channel, Mapping[Device, float]]] = MappingProxyType(
    {
        Channel.EMAIL: _by_device(0.7, 1.0),
        Channel.SMS: _by_device(1.0, 0.5),
        Channel.WHATSAPP: _by_device(1.0, 0.5),
        Channel.INSTAGRAM: _by_device(1.0, 0.7),
        Channel.FACEBOOK: _by_device(0.9, 0.8),
        Channel.LINKEDIN: _by_device(0.6, 1.0),
        Channel.TWITTER: _by_device(0.9, 0.7),
        Channel.CHAT: _by_device(0.8, 0.9),
    }
)

#: How well a channel suits a campaign's urgency, 0 to 1.
URGENCY_SCORES: Final[Mapping[Channel, Mapping[Urgency, float]]] = MappingProxyType(
    {
        Channel.EMAIL: _by_urgency(0.5, 1.0, 1.0),
        Channel.SMS: _by_urgency(1.0, 0.7, 0.5),
        Channel.WHATSAPP: _by_urgency(1.0, 0.7, 0.5),
        Channel.INSTAGRAM: _by_urgency(0.7, 0.8, 0.9),
        Channel.FACEBOOK: _by_urgency(0.7, 0.8, 0.9),
        Channel.LINKEDIN: _by_urgency(0.4, 0.9, 1.0),
        Channel.TWITTER: _by_urgency(0.8, 0.7, 0.8),
        Channel.CHAT: _by_urgency(1.0, 0.8, 0.6),
    }
)

#: How well a channel suits the part of the day the message would arrive in, 0 to 1.
DAY_PART_SCORES: Final[Mapping[Channel, Mapping[DayPart, float]]] = MappingProxyType(
    {
        Channel.EMAIL: _by_day_part(1.0, 0.7, 0.9),
        Channel.SMS: _by_day_part(0.7, 1.0, 0.3),
        Channel.WHATSAPP: _by_day_part(0.7, 1.0, 0.3),
        Channel.INSTAGRAM: _by_day_part(0.6, 1.0, 0.3),
        Channel.FACEBOOK: _by_day_part(0.6, 1.0, 0.3),
        Channel.LINKEDIN: _by_day_part(1.0, 0.8, 0.3),
        Channel.TWITTER: _by_day_part(0.6, 0.8, 0.3),
        Channel.CHAT: _by_day_part(0.7, 0.8, 0.3),
    }
)

#: Average reactions to one message over all industries.
#: Source: Mailchimp, "Email Marketing Benchmarks", all-user average before mail programs
#: began to open messages by themselves: opens 21.33 %, clicks 2.62 %; it counts no replies.
EMAIL_BENCHMARK: Final = ChannelEngagement(open_rate=0.2133, click_rate=0.0262)

#: Rates a channel's own history is compared with and smoothed towards.
#: Only e-mail's is measured. We know of no comparable figures for the others, and assume
#: e-mail's for them. That has one merit: the same reactions count the same on every channel
#: until a tenant's own figures say otherwise.
BASE_ENGAGEMENT: Final[Mapping[Channel, ChannelEngagement]] = MappingProxyType(
    dict.fromkeys(Channel, EMAIL_BENCHMARK)
)

#: Channels to begin with where there are no engagement data.
RECOMMENDATIONS: Final[Mapping[CustomerType, tuple[Channel, Channel, Channel]]] = MappingProxyType(
    {
        CustomerType.NEW: (Channel.EMAIL, Channel.CHAT, Channel.INSTAGRAM),
        CustomerType.RETURNING: (Channel.INSTAGRAM, Channel.EMAIL, Channel.FACEBOOK),
        CustomerType.EXISTING: (Channel.WHATSAPP, Channel.CHAT, Channel.EMAIL),
    }
)


def _at_hours(
    new: int, returning: int, existing: int, *, weekend: int | None = None
) -> Mapping[CustomerType, OptimalTimes]:
    on_weekends = None if weekend is None else time(weekend)
    hours = {
        CustomerType.NEW: new,
        CustomerType.RETURNING: returning,
        CustomerType.EXISTING: existing,
    }
    return MappingProxyType(
        {
            customer_type: OptimalTimes(weekday=time(hour), weekend=on_weekends)
            for customer_type, hour in hours.items()
        }
    )


#: Best local send times by channel and customer type; the guide's campaign example
#: moves e-mail and Instagram on weekends.
BEST_PRACTICE_TIMES: Final[Mapping[Channel, Mapping[CustomerType, OptimalTimes]]] = (
    MappingProxyType(
        {
            Channel.EMAIL: _at_hours(10, 14, 9, weekend=14),
            Channel.SMS: _at_hours(18, 19, 10),
            Channel.WHATSAPP: _at_hours(18, 19, 10),
            Channel.INSTAGRAM: _at_hours(19, 20, 18, weekend=20),
            Channel.FACEBOOK: _at_hours(19, 20, 18),
            Channel.LINKEDIN: _at_hours(11, 13, 10),
            Channel.TWITTER: _at_hours(12, 17, 15),
            Channel.CHAT: _at_hours(14, 15, 13),
        }
    )
)

#: The type whose times a person of unknown type gets: a person without data is new to us, and
#: the hours of NEW lie between the other two on every channel but Twitter.
TYPE_WHEN_UNKNOWN: Final = CustomerType.NEW


def best_practice_times(channel: Channel, customer_type: CustomerType | None) -> OptimalTimes:
    """Best local send times of a channel for a customer type; None: `TYPE_WHEN_UNKNOWN`."""
    return BEST_PRACTICE_TIMES[channel][customer_type or TYPE_WHEN_UNKNOWN]
