"""The scenarios of people in the audience, how often they are, and how they are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import ExitReason, OutreachState


class Earlier(StrEnum):
    """Campaigns of the same tenant that wrote to some of the audience just before."""

    INVITATION = "invitation"  #: Says something else than the campaign.
    PREVIEW = "preview"  #: Says nearly the same as the campaign.


class SuppressionScope(StrEnum):
    """How a person has asked not to be contacted."""

    PERSON = "person"  #: Not at all.
    ADDRESS = "address"  #: Not at this address, which bars the person.
    CHANNEL = "channel"  #: Not on their preferred channel.


@dataclass(frozen=True)
class End:
    """How a message may end."""

    state: OutreachState
    reason: ExitReason | None = None


SENT: Final = End(OutreachState.SENT)
UNKNOWN: Final = End(OutreachState.UNKNOWN)
NO_MONEY: Final = End(OutreachState.BLOCKED, ExitReason.BUDGET_EXCEEDED)
NO_PROVIDER_TOOK_IT: Final = End(OutreachState.FAILED, ExitReason.ALL_CHANNELS_FAILED)

#: Word that asks a provider for something, by the field of the address; empty: it takes it.
Addresses = dict[str, str]

#: The channel an address is for; a phone number serves WhatsApp, too.
CHANNEL_OF_FIELD: Final[Mapping[str, Channel]] = MappingProxyType(
    {
        "email": Channel.EMAIL,
        "phone": Channel.SMS,
        "whatsapp": Channel.WHATSAPP,
        "instagram_handle": Channel.INSTAGRAM,
        "user_id": Channel.CHAT,
    }
)


@dataclass(frozen=True)
class Scenario:
    """Some people of the audience, and their expected ends as long as there is money."""

    #: Its name in the results.
    name: str
    #: Of the audience.
    share: float
    #: Their addresses, one line after the other; the last of a line is the one that
    #: carries the message, if any does.
    addresses: Sequence[Addresses]
    #: With money left; without, a message ends for lack of it.
    ends: frozenset[End] = frozenset({SENT})
    #: Whether they prefer the channel of their first address, so that it comes first.
    prefers_first: bool = True
    earlier: tuple[Earlier, ...] = ()
    suppression: SuppressionScope | None = None
    #: Whether the last address of a line is one they could be reached at as well, and must not
    #: be: the first carries the message.
    has_spare: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether no provider does anything out of the ordinary to them."""
        return not any(word for line in self.addresses for word in line.values())

    @property
    def costs(self) -> bool:
        """Whether their messages are paid for."""
        return bool(self.ends & {SENT, UNKNOWN})


def _each(word: str, *fields: str) -> Sequence[Addresses]:
    """One address a line, each asking for the same."""
    return [{field: word} for field in fields]


_SANDBOX_FIELDS: Final = ("phone", "whatsapp", "instagram_handle", "user_id")
_ALL_FIELDS: Final = ("email", *_SANDBOX_FIELDS)
_REFUSED_FIRST: Final = (
    {"email": "refuse", "phone": ""},
    {"instagram_handle": "refuse", "email": ""},
    {"whatsapp": "refuse", "user_id": ""},
    {"email": "spam", "instagram_handle": ""},
)

#: The rest of the audience: nothing befalls them.
REACHED: Final = Scenario(
    "reached at once",
    share=0.0,
    # E-mail and text messages more often than the rest.
    addresses=_each("", *_ALL_FIELDS, "email", "phone", "email"),
)

#: Instead of those, where providers are away for a while: with a dearer channel to be spared.
REACHED_WITH_A_SPARE: Final = Scenario(
    "reached at once, with a dearer channel to spare",
    share=0.0,
    addresses=[
        {"email": "", "phone": ""},
        {"whatsapp": "", "phone": ""},
        {"instagram_handle": "", "whatsapp": ""},
        {"user_id": "", "instagram_handle": ""},
        {"email": "", "instagram_handle": ""},
        {"email": "", "whatsapp": ""},
    ],
    has_spare=True,
)

#: Slow ones are few: a provider that never answers is waited for five times, half a minute
#: in all.
SCENARIOS: Final[Sequence[Scenario]] = (
    Scenario(
        "left to the router",
        share=0.10,
        addresses=[
            {"email": "", "instagram_handle": ""},
            {"email": "", "user_id": ""},
            {"phone": "", "instagram_handle": ""},
        ],
        prefers_first=False,
    ),
    Scenario(
        "refused, then by another channel",
        share=0.03,
        addresses=_REFUSED_FIRST,
        ends=frozenset({SENT, NO_PROVIDER_TOOK_IT}),
    ),
    Scenario(
        "refused everywhere",
        share=0.01,
        addresses=[
            {"email": "refuse", "instagram_handle": "refuse"},
            {"phone": "refuse"},
        ],
        ends=frozenset({NO_PROVIDER_TOOK_IT}),
    ),
    Scenario(
        "throttled (429) twice",
        share=0.015,
        addresses=_each("throttle", *_SANDBOX_FIELDS),
    ),
    Scenario(
        "failed (500) twice",
        share=0.015,
        addresses=_each("flaky", *_SANDBOX_FIELDS),
    ),
    Scenario(
        "greylisted twice",
        share=0.01,
        addresses=_each("greylist", "email"),
    ),
    Scenario(
        "taken, the answer lost, found by looking it up",
        share=0.01,
        addresses=_each("swallow", *_SANDBOX_FIELDS),
    ),
    Scenario(
        "taken, no answer in time, found by looking it up",
        share=0.005,
        addresses=_each("hang", *_SANDBOX_FIELDS),
    ),
    Scenario(
        "taken by a mail server that hung up: the outcome cannot be found out",
        share=0.01,
        addresses=_each("drop", "email"),
        ends=frozenset({UNKNOWN}),
    ),
    Scenario(
        "never answered, given up: the outcome stays unknown",
        share=0.002,
        addresses=[{"instagram_handle": "vanish", "email": ""}],
        ends=frozenset({UNKNOWN}),
    ),
    Scenario(
        "bounced later",
        share=0.02,
        addresses=_each("bounce", *_SANDBOX_FIELDS),
    ),
    Scenario(
        "no address the campaign can use",
        share=0.01,
        addresses=_each("", "linkedin_id"),
        ends=frozenset({End(OutreachState.FAILED, ExitReason.NO_VIABLE_CHANNEL)}),
    ),
    Scenario(
        "asked not to be contacted",
        share=0.01,
        addresses=_each("", *_ALL_FIELDS),
        ends=frozenset({End(OutreachState.BLOCKED, ExitReason.SUPPRESSED)}),
        suppression=SuppressionScope.PERSON,
    ),
    Scenario(
        "asked not to be written to at an address",
        share=0.005,
        addresses=_each("", "email"),
        ends=frozenset({End(OutreachState.BLOCKED, ExitReason.SUPPRESSED)}),
        suppression=SuppressionScope.ADDRESS,
    ),
    Scenario(
        "asked for no more on one channel",
        share=0.005,
        addresses=[{"phone": "", "email": ""}, {"instagram_handle": "", "user_id": ""}],
        suppression=SuppressionScope.CHANNEL,
    ),
    Scenario(
        "has had two messages today",
        share=0.015,
        addresses=_each("", *_ALL_FIELDS),
        ends=frozenset({End(OutreachState.BLOCKED, ExitReason.FREQUENCY_CAP)}),
        earlier=(Earlier.INVITATION, Earlier.PREVIEW),
    ),
    Scenario(
        "has had nearly the same text",
        share=0.01,
        addresses=_each("", *_ALL_FIELDS),
        ends=frozenset({End(OutreachState.BLOCKED, ExitReason.DUPLICATE)}),
        earlier=(Earlier.PREVIEW,),
    ),
    Scenario(
        "has had a message on their channel, so by the other",
        share=0.01,
        addresses=[{"email": "", "instagram_handle": ""}],
        earlier=(Earlier.INVITATION,),
    ),
)
