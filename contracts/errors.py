"""The errors, as one tree.

    MadanSaraError
    ├── InvalidRequestError             the request contradicts itself, a rule or what is stored
    ├── NotFoundError                   the tenant has nothing by that id
    │   ├── OutreachLostError           the workflow of a message is gone
    │   └── UnreadableRowError          this version cannot read what is stored
    ├── ConflictError                   the stored state forbids the request
    │   ├── CampaignConflictError       a campaign was changed since the caller loaded it
    │   ├── KeyUsedError                a key stands for something else
    │   ├── FinalStatusError            what has ended stays ended
    │   ├── NotAsleepError              the message is not asleep, or may not be moved there
    │   └── OverLimitError              a limit of the campaign forbids a booking
    ├── UnreachableError                the database or Temporal does not answer
    ├── MisconfiguredError              a setting cannot be used
    ├── StorageError                    the database refused a statement
    └── DeliveryError                   a provider gave no answer
        ├── NotTakenError               certainly not taken
        │   ├── TransientDeliveryError      this recipient is put off: greylisting, a full mailbox
        │   ├── ProviderUnavailableError    the account is out of service: away, busy, over quota
        │   ├── MisconfiguredProviderError  the account is out of service until a human acts
        │   └── LeaseExpiredError           this run was held up and did not call
        └── AmbiguousDeliveryError      may have been taken

`InvalidRequestError` quotes what its own caller gave, people's data included: it is for the caller,
and stays out of histories and logs. All others name ids, fields and figures.

A refusal is not here: the provider saying no is a result, so that fallback reads as an `if`.
The first line of a docstring is the error's message where it is raised without one.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from madan_sara.contracts.delivery import MISCONFIGURED
from madan_sara.contracts.words.versions import changed_meanwhile

if TYPE_CHECKING:
    from madan_sara.contracts.outreach import Block


class MadanSaraError(Exception):
    """Something has gone wrong.

    Args:
        message: the violation, its value, and what to do; None: the docstring's first line.
    """

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").split("\n", 1)[0])

    def __reduce__(self) -> tuple[Any, ...]:
        """Copied and pickled as it is; what it was made from is not known any more."""
        return _made_again, (type(self), self.args), self.__dict__


def _made_again(kind: type[MadanSaraError], said: tuple[object, ...]) -> MadanSaraError:
    error = kind.__new__(kind)
    error.args = said
    return error


class InvalidRequestError(MadanSaraError, ValueError):
    """The request cannot be accepted; nothing was stored.

    Quotes the values its own caller gave, cut where they are long: an address, a number, a key.
    """


class NotFoundError(MadanSaraError, LookupError):
    """There is nothing by that id; check the id and whose it is."""

    @classmethod
    def message(cls, message_id: UUID) -> "NotFoundError":
        """The tenant has no such message."""
        return cls(f"there is no message {message_id}")

    @classmethod
    def campaign(cls, campaign_id: UUID) -> "NotFoundError":
        """The tenant has no such campaign."""
        return cls(f"there is no campaign {campaign_id}")


class OutreachLostError(NotFoundError):
    """A message has not ended, and its workflow is gone or was ended from outside.

    Args:
        message_id: the message.
        became: the end of the workflow, like `was terminated`.
        is_known: whether Temporal knows the workflow.
    """

    def __init__(self, message_id: UUID, became: str, *, is_known: bool) -> None:
        super().__init__(
            f"message {message_id} is carried no further: its workflow {became}; cancel it, "
            "which gives back what it holds, then send it again under a new key"
        )
        self.message_id = message_id
        self.became = became
        self.is_known = is_known


class UnreadableRowError(NotFoundError):
    """This version cannot read a stored row, and no other try will.

    Args:
        what: the row, like `message <id>`.
        why: its violations: names of fields, never their values.
    """

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what} cannot be read: {why}")


class ConflictError(MadanSaraError):
    """The stored state forbids the request; nothing was changed."""


class CampaignConflictError(ConflictError):
    """The stored campaign is another version than the caller knows; nothing was stored.

    Args:
        campaign_id: the campaign.
        fields: the fields that differ from the stored ones.
    """

    def __init__(self, campaign_id: UUID, fields: Sequence[str]) -> None:
        self.fields = tuple(fields)
        super().__init__(changed_meanwhile(campaign_id, fields))


class KeyUsedError(ConflictError):
    """The key stands for something else already; use a new one."""


class FinalStatusError(ConflictError):
    """It has ended, which is final."""


class NotAsleepError(ConflictError):
    """The message is not asleep; only one that waits for its time can be moved."""


class OverLimitError(ConflictError):
    """A limit of the campaign forbids a booking; nothing was booked.

    Args:
        block: the limit, with its figures.
    """

    def __init__(self, block: "Block") -> None:
        figures = ", ".join(f"{name} {value}" for name, value in block.details.items())
        super().__init__(f"{block.reason}: {figures}")
        self.block = block


class UnreachableError(MadanSaraError):
    """The database or Temporal does not answer; see that it runs, and try again."""


class MisconfiguredError(MadanSaraError):
    """A setting is missing or cannot be used; correct it and start again."""


class StorageError(MadanSaraError):
    """The database refused a statement; its log says more."""


class DeliveryError(MadanSaraError):
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
        self,
        message: str | None = None,
        retry_after: timedelta | None = None,
        *,
        code: str | None = None,
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
    """The run was held up so long that another may have replaced it; it did not call."""

    default_code = "held_up"


class AmbiguousDeliveryError(DeliveryError):
    """The message left and the answer was lost: the provider may have taken it."""
