"""The person to reach, as the caller describes them."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Annotated, Any, Final, Self
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from madan_sara.contracts.base import ClosedContract, NotBool, ShortText
from madan_sara.contracts.channels import CONTACT_FIELDS, Channel
from madan_sara.contracts.phones import to_e164

#: Validation context of a profile that was checked when it was stored.
STORED: Final[Mapping[str, bool]] = MappingProxyType({"stored": True})

#: Addresses with nothing to normalise before the @, and short enough with any domain.
_PLAIN_EMAIL = re.compile(
    r"(?=[^@]{1,64}@)[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?!.*xn--)([a-z0-9.-]{1,150})"
)


class CustomerType(StrEnum):
    """A person's relation to the sender."""

    NEW = "new"  #: Has not bought yet.
    RETURNING = "returning"  #: Came back after a pause.
    EXISTING = "existing"  #: Buys regularly.


class Device(StrEnum):
    """The device a person prefers to read on."""

    MOBILE = "mobile"  #: Phone or tablet.
    DESKTOP = "desktop"  #: Laptop or desktop computer.


def _as_e164(text: str, info: ValidationInfo) -> str:
    # A stored profile has passed once, by the rules of its day.
    return text if info.context is STORED else to_e164(text)


@cache
def _known_zones() -> frozenset[str]:
    # Listing them walks the whole database on disk, far too slow for every profile.
    # These two are a machine's own zone and the lack of one, no person's.
    return frozenset(available_timezones() - {"Factory", "localtime"})


def require_known_zone(name: str) -> str:
    """Accept only a name of the IANA time zone database.

    Raises:
        ValueError: the name is not in the database of this machine.
    """
    if name not in _known_zones():
        raise ValueError(f"{name!r} is no IANA time zone; use a name like America/Port-au-Prince")
    return name


def _empty_as_missing(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _as_email(text: str, info: ValidationInfo) -> str:
    # Costs more than the rest of a profile together; a stored one has passed it once.
    if info.context is STORED:
        return text
    plain = _PLAIN_EMAIL.fullmatch(text)
    try:
        if plain is not None:
            return text.removesuffix(plain[1]) + _normal_domain(plain[1])
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"is no e-mail address: {error}") from None


@lru_cache(maxsize=1_000)
def _normal_domain(domain: str) -> str:
    """The part after the @ in its normal form; checked once for all addresses that share it.

    Raises:
        EmailNotValidError: it is none, or nothing may be sent there.
    """
    return str(validate_email(f"x@{domain}", check_deliverability=False).domain)


EmailAddress = Annotated[ShortText, AfterValidator(_as_email)]
PhoneNumber = Annotated[ShortText, AfterValidator(_as_e164)]
ZoneName = Annotated[ShortText, AfterValidator(require_known_zone)]
_Blank = BeforeValidator(_empty_as_missing)
Rate = Annotated[float, NotBool, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class ContactInfo(ClosedContract):
    """Addresses of one person; at least one must be given."""

    email: Annotated[EmailAddress | None, _Blank] = None
    phone: Annotated[PhoneNumber | None, _Blank] = None
    whatsapp: Annotated[PhoneNumber | None, _Blank] = None
    instagram_handle: Annotated[ShortText | None, _Blank] = None
    facebook_id: Annotated[ShortText | None, _Blank] = None
    linkedin_id: Annotated[ShortText | None, _Blank] = None
    twitter_handle: Annotated[ShortText | None, _Blank] = None
    user_id: Annotated[ShortText | None, _Blank] = None

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if not any(getattr(self, field) for field in type(self).model_fields):
            raise ValueError(
                f"no address given; fill at least one of {', '.join(type(self).model_fields)}"
            )
        return self

    def address_for(self, channel: Channel) -> str | None:
        """The address this person can be reached at on a channel, if any."""
        for field in CONTACT_FIELDS[channel]:
            address: str | None = getattr(self, field)
            if address:
                return address
        return None

    def is_reachable_on(self, channels: Iterable[Channel]) -> bool:
        """Whether this person has an address on any of some channels."""
        return any(self.address_for(channel) for channel in channels)


class Preferences(ClosedContract):
    """The person's preferences."""

    preferred_channel: Channel | None = None


class ChannelEngagement(ClosedContract):
    """How a person reacted to earlier messages on one channel.

    `messages_sent` says how many messages the rates stand for; the more, the
    more they weigh. Without it they weigh as much as the channel's base rate.
    """

    open_rate: Rate = 0.0
    click_rate: Rate = 0.0
    reply_rate: Rate = 0.0
    messages_sent: Annotated[int, NotBool, Field(ge=0, le=10_000_000)] | None = None


def _as_attribute(value: object) -> object:
    """A value JSON and PostgreSQL can keep; reported once, not for each type it may have."""
    if isinstance(value, str):
        # Of JSON's escapes, halves of a character are the only text UTF-8 cannot write.
        if not value.isascii() and value.encode(errors="ignore").decode() != value:
            raise ValueError("contains half a character; remove it")
    elif not isinstance(value, int | float):
        raise ValueError("must be a text, a number, true or false")  # noqa: TRY004 - pydantic's way
    elif not abs(value) <= _LARGEST_NUMBER:
        raise ValueError("must be a number of at most 30 digits")
    return value


#: Numbers are finite, and have no more digits than a real value.
_LARGEST_NUMBER = 10**30

Attribute = Annotated[str | int | float | bool, BeforeValidator(_as_attribute)]


class RecipientProfile(ClosedContract):
    """All about a person that routing, timing or text may use."""

    name: ShortText | None = None
    customer_type: CustomerType | None = None
    timezone: ZoneName | None = None
    device_preference: Device | None = None
    contact_info: ContactInfo
    preferences: Preferences = Preferences()
    engagement_history: dict[Channel, ChannelEngagement] = Field(default_factory=dict)
    #: Further fields for templates, by name.
    attributes: dict[ShortText, Attribute] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _attributes_hide_nothing(self) -> Self:
        hidden = sorted(set(self.attributes) & set(type(self).model_fields))
        if hidden:
            raise ValueError(f"attributes.{hidden[0]}: a profile field has this name; rename it")
        if any(isinstance(v, str) and "\x00" in v for v in self.attributes.values()):
            raise ValueError("attributes: a value contains a NUL character; remove it")
        return self

    def template_fields(self) -> dict[str, Any]:
        """The fields a template may name, those without a value left out."""
        named = {
            "name": self.name,
            "customer_type": self.customer_type and self.customer_type.value,
            "timezone": self.timezone,
            "device_preference": self.device_preference and self.device_preference.value,
        }
        return {key: value for key, value in named.items() if value} | dict(self.attributes)
