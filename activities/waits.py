"""Why a delivery is run again later, in the words the Web UI shows beside it.

The one place where a wait becomes Temporal's error: nothing is wrong, it is not time yet.
"""

from datetime import UTC, datetime, timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from contracts.channels import Channel

#: Error types of these waits, as `temporal workflow describe` shows them.
PROVIDER_AWAY = "ProviderAway"
RECIPIENT_PUT_OFF = "RecipientPutOff"

_AT_ONCE = timedelta(milliseconds=100)


def for_account(
    channel: Channel, account: str, since: datetime, code: str, delay: timedelta
) -> ApplicationError:
    """The account takes nothing."""
    return _later(
        f"waits for {channel}: {account} is away since {_moment(since)} ({code})",
        PROVIDER_AWAY,
        delay,
    )


def for_recipient(channel: Channel, code: str, delay: timedelta) -> ApplicationError:
    """The provider takes nothing for this recipient."""
    return _later(
        f"waits for {channel}: the provider puts this recipient off ({code})",
        RECIPIENT_PUT_OFF,
        delay,
    )


def settling(delay: timedelta) -> ApplicationError:
    """A look-up too soon after the call would not find what is still being taken."""
    return _later("waits until the provider can tell what became of the call", "Settling", delay)


def for_another_call(delay: timedelta) -> ApplicationError:
    """The answer was lost; the same call will tell."""
    return _later("the answer was lost; the same call is made again", "AnswerLost", delay)


def for_hours(delay: timedelta) -> ApplicationError:
    """What may be out keeps its key, and waits for the allowed hours with it."""
    return _later("the allowed hours have passed", "NotDue", delay)


def for_resume(delay: timedelta) -> ApplicationError:
    """The campaign is paused."""
    return _later(
        "the campaign is paused; the send goes on when it is resumed", "CampaignPaused", delay
    )


def held_up() -> ApplicationError:
    """This run was too slow to call."""
    return _later("the run was held up before its call; another one calls", "HeldUp", _AT_ONCE)


def overtaken() -> ApplicationError:
    """What became of the attempt is for the run to say that has called since."""
    return ApplicationError(
        "another run of this delivery has called the provider meanwhile", type="Overtaken"
    )


def _later(why: str, error_type: str, delay: timedelta) -> ApplicationError:
    return ApplicationError(
        why,
        type=error_type,
        category=ApplicationErrorCategory.BENIGN,
        next_retry_delay=max(delay, _AT_ONCE),
    )


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
