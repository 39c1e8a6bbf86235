"""The channels, and the contact data each of them needs."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Channel(StrEnum):
    """The medium of a message (the vendor behind it is a provider)."""

    EMAIL = "email"  #: E-mail, over SMTP.
    SMS = "sms"  #: Text message to a phone number.
    WHATSAPP = "whatsapp"  #: WhatsApp message.
    INSTAGRAM = "instagram"  #: Instagram direct message.
    FACEBOOK = "facebook"  #: Facebook Messenger message.
    LINKEDIN = "linkedin"  #: LinkedIn message.
    TWITTER = "twitter"  #: Twitter direct message.
    CHAT = "chat"  #: In-product chat.


#: The contact fields that serve a channel, the better one first.
CONTACT_FIELDS: Final[Mapping[Channel, tuple[str, ...]]] = MappingProxyType(
    {
        Channel.EMAIL: ("email",),
        Channel.SMS: ("phone",),
        Channel.WHATSAPP: ("whatsapp", "phone"),
        Channel.INSTAGRAM: ("instagram_handle",),
        Channel.FACEBOOK: ("facebook_id",),
        Channel.LINKEDIN: ("linkedin_id",),
        Channel.TWITTER: ("twitter_handle",),
        Channel.CHAT: ("user_id",),
    }
)
