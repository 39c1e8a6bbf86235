"""The names of recipients' columns, in files and in JSON."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from madan_sara.contracts.recipient import ContactInfo, RecipientProfile

#: The path of a value: `("name",)`, `("contact_info", "email")`, `("attributes", "city")`.
Field = tuple[str, ...]

ID: Final[Field] = ("id",)

#: Objects of a profile; only JSON can hold them.
NESTED: Final = ("contact_info", "preferences", "engagement_history", "attributes")

_FIELDS: Final[Mapping[str, Field]] = {
    "id": ID,
    **{name: (name,) for name in RecipientProfile.model_fields if name not in NESTED},
    **{name: ("contact_info", name) for name in ContactInfo.model_fields},
    "preferred_channel": ("preferences", "preferred_channel"),
}

#: Other names columns often have, in their normal form.
_SYNONYMS: Final[Mapping[str, str]] = {
    "recipient_id": "id",
    "full_name": "name",
    "e_mail": "email",
    "mail": "email",
    "email_address": "email",
    "e_mail_address": "email",
    "phone_number": "phone",
    "telephone": "phone",
    "mobile": "phone",
    "mobile_number": "phone",
    "mobile_phone": "phone",
    "cell_phone": "phone",
    "sms": "phone",
    "whatsapp_number": "whatsapp",
    "instagram": "instagram_handle",
    "facebook": "facebook_id",
    "linkedin": "linkedin_id",
    "twitter": "twitter_handle",
    "time_zone": "timezone",
    "device": "device_preference",
}


def column_name(name: str) -> str:
    """A column's name as it is compared.

    Names that differ in case, spaces, hyphens or the encoding of an accent are the same.
    """
    return re.sub(r"[\s-]+", "_", unicodedata.normalize("NFC", name).strip().lower())


def own_field(name: str) -> Field | None:
    """A recipient's own field a column stands for; None: it is an attribute."""
    plain = column_name(name)
    return _FIELDS.get(_SYNONYMS.get(plain, plain))
