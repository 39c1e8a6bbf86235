"""The one form addresses are compared in.

A profile keeps an address as it was given; a suppression, or a claim on a person, must find it
in any spelling. Only this module brings addresses into that form: two normalisers, one in Python
and one in the database, would differ outside of ASCII.
"""

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import idna

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.recipient import ContactInfo

#: The kind of address of a channel. SMS and WhatsApp reach one number.
KINDS: Final[Mapping[Channel, str]] = MappingProxyType(
    {
        channel: "phone" if channel in (Channel.SMS, Channel.WHATSAPP) else channel.value
        for channel in Channel
    }
)

#: Channels whose address is a name the person has chosen: capitals and the `@` before it do not
#: count. Elsewhere it is an id of the platform's, and each character counts.
_HANDLES: Final = frozenset({Channel.INSTAGRAM, Channel.TWITTER})


def comparable(address: str, channel: Channel) -> str:
    """An address of a channel as it is compared.

    Equal for two spellings of one address: capitals of any alphabet, composed and decomposed
    accents, a domain in letters or in its ASCII form. A dot or a `+tag` in a mailbox's name
    stays: it is another mailbox with most providers.

    Args:
        address: as a profile keeps it; a phone number in E.164.
        channel: the channel it is used on.
    """
    if channel is Channel.EMAIL:
        return _comparable_mailbox(address)
    if channel in _HANDLES:
        return _comparable_handle(address)
    return unicodedata.normalize("NFC", address)


def addresses_of(contact: ContactInfo) -> dict[str, str]:
    """The addresses of a person, comparable, by the channel a message to it would take."""
    return {
        channel.value: comparable(address, channel)
        for channel in Channel
        if (address := contact.address_for(channel)) is not None
    }


def forms_of(address: str, channel: Channel | None = None) -> frozenset[str]:
    """Every form in which an address may be among a person's, if its channel is not known."""
    if channel is not None:
        return frozenset({comparable(address, channel)})
    if "@" in address.lstrip("@"):
        return frozenset({_comparable_mailbox(address)})
    return frozenset({unicodedata.normalize("NFC", address), _comparable_handle(address)})


def _comparable_mailbox(address: str) -> str:
    local_part, _, domain = address.rpartition("@")
    return f"{_folded(local_part)}@{_ascii_domain(domain)}"


def _comparable_handle(address: str) -> str:
    return _folded(address).lstrip("@")


@lru_cache(maxsize=1_000)
def _ascii_domain(domain: str) -> str:
    """A domain as DNS knows it.

    Source: UTS #46 and RFC 5891, as the package `idna` implements them.
    """
    try:
        return idna.encode(domain, uts46=True).decode("ascii").lower().rstrip(".")
    except idna.IDNAError:  # Not a domain of the Internet's, but of a private network.
        return _folded(domain)


def _folded(text: str) -> str:
    """A text without the difference of capitals, as Unicode defines it (D145, canonical)."""
    folded = unicodedata.normalize("NFD", text).casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", folded).casefold())
