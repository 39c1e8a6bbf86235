"""What can go wrong: at a provider, as one tree, and with a booking.

A refusal is not here: the provider saying no is a result, so that fallback
reads as an `if`.
"""

from datetime import timedelta

from contracts.outreach import Block


class OverLimitError(Exception):
    """A limit of the campaign forbids a booking; nothing was booked.

    Args:
        block: the limit, with its figures.
    """

    def __init__(self, block: Block) -> None:
        figures = ", ".join(f"{name} {value}" for name, value in block.details.items())
        super().__init__(f"{block.reason}: {figures}")
        self.block = block


class DeliveryError(Exception):
    """Handing a message to a provider did not end in an answer."""


class TransientDeliveryError(DeliveryError):
    """The provider certainly did not take the message; trying again may help.

    Args:
        message: what happened, without personal data: it ends up in histories.
        retry_after: how long the provider asked to wait, if it did.
    """

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AmbiguousDeliveryError(DeliveryError):
    """The message left and the answer was lost: the provider may have taken it."""


class MisconfiguredProviderError(DeliveryError):
    """Our credentials or settings are wrong; no retry helps, a human must act."""
