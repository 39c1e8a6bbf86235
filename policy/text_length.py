"""The length of a text by its channel, which counts what is sent and not what is read."""

from madan_sara.contracts.channels import Channel
from madan_sara.policy.sms import sms_length


def encoded_length(channel: Channel, text: str) -> int:
    """Length of a text in the unit of its channel.

    A text message is counted in septets, or in UTF-16 units as soon as one character is not
    in GSM-7; Instagram counts bytes of UTF-8; the others count characters.
    """
    if channel is Channel.SMS:
        return sms_length(text).units
    if channel is Channel.INSTAGRAM:
        return len(text.encode())
    return len(text)


def length_unit(channel: Channel) -> str:
    """The unit a channel counts, in a word."""
    return {Channel.SMS: "units", Channel.INSTAGRAM: "bytes"}.get(channel, "characters")
