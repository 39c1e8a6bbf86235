"""What can go wrong: at a provider, as one tree, and with a booking.

    DeliveryError
    ├── NotTakenError                   certainly not taken
    │   ├── TransientDeliveryError      this recipient is put off: greylisting, a full mailbox
    │   ├── ProviderUnavailableError    the account is out of service: away, busy, over quota
    │   ├── MisconfiguredProviderError  the account is out of service until a human acts
    │   └── LeaseExpiredError           this run was held up and did not call
    └── AmbiguousDeliveryError          may have been taken

A refusal is not here: the provider saying no is a result, so that fallback
reads as an `if`.
"""

from datetime import timedelta
from typing import ClassVar

from madan_sara.contracts.delivery import MISCONFIGURED
from madan_sara.contracts.outreach import Block


class OverLimitError(Exception):
    """A limit of the campaign forbids a booking; nothing was booked.

    Args:
        block: the limit, with its figures.
    """

    def __init__(self, block: Block) -> None:
        figures = ", ".join(f"{name} {value}" for name, value in block.details.items())
        super().__init__(f"{block.reason}: {figures}")
        self.block = block


class UnreadableRowError(LookupError):
    """This version cannot read a stored row, and no other try will.

    Args:
        what: the row, like `message <id>`.
        why: what is wrong with it: names of fields, never their values.
    """

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} cannot be read: {why}")


class DeliveryError(Exception):
    """Handing a message to a provider did not end in an answer."""


class NotTakenError(DeliveryError):
    """The provider certainly did not take the message; a later call may succeed.

    Args:
        message: what happened, without personal data: it ends up in histories.
        retry_after: how long the provider asked to wait, if it did.
        code: the provider's code, as `as_code` lets it pass; None: the kind's own.
    """

    default_code: ClassVar[str] = "not_taken"

    def __init__(
        self, message: str, retry_after: timedelta | None = None, *, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.code = code or self.default_code


class TransientDeliveryError(NotTakenError):
    """The provider puts this recipient off for the moment; others may be served."""

    default_code = "put_off"


class ProviderUnavailableError(NotTakenError):
    """The provider takes nothing from our account for the moment: an outage of the account."""

    default_code = "provider_unavailable"


class MisconfiguredProviderError(NotTakenError):
    """Our credentials or settings are wrong: an outage of the account that a human must end."""

    default_code = MISCONFIGURED


class LeaseExpiredError(NotTakenError):
    """The run was held up so long that another may have taken its place; it did not call."""

    default_code = "held_up"


class AmbiguousDeliveryError(DeliveryError):
    """The message left and the answer was lost: the provider may have taken it."""
